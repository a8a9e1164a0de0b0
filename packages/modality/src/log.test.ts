import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimalRating, historyLength, historyOf } from "./log.ts";
import { randomLog } from "./random-log.test-helper.ts";

describe("createLog", () => {
  test("sorts by time, user, item whatever the order of its rows", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        for (let row = 1; row < log.size; row++) {
          const [a, b] = [row - 1, row].map((r) => [log.time[r]!, log.user[r]!, log.item[r]!]);
          expect(a! <= b! || compare(a!, b!) <= 0).toBe(true);
        }
      }),
    );
  });

  test("no history reaches the present or the future, under both rules for ties", () => {
    fc.assert(
      fc.property(randomLog(), fc.integer({ min: 1, max: 8 }), (log, maxLength) => {
        for (let row = 0; row < log.size; row++) {
          const isEarlier = (other: number): boolean =>
            log.history.ties === "exclude" ? log.time[other]! < log.time[row]! : other < row;
          // The definition, by looking at every row of the log.
          const expected: number[] = [];
          for (let other = 0; other < log.size; other++) {
            if (log.user[other] === log.user[row] && isEarlier(other)) expected.push(other);
          }
          expect(historyLength(log, row)).toBe(expected.length);
          expect([...historyOf(log, row, maxLength)]).toEqual(expected.slice(-maxLength));
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("whole ratings of many digits mean themselves", () => {
  expect(decimalRating(12_345_674)).toBe(12_345_674);
  expect(decimalRating(Math.fround(4.1))).toBe(4.1);
});

function compare(a: number[], b: number[]): number {
  return a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!;
}
