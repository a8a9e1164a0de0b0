import fc from "fast-check";
import { expect, test } from "vitest";
import { describeDistributions } from "./distributions.ts";
import { historyLength, type InteractionLog } from "./log.ts";
import { randomLog } from "./random-log.test-helper.ts";
import { splitLog } from "./split.ts";

const split = { kind: "time", shares: [0.6, 0.2, 0.2] } as const;

test("every row, sample, user and item of any log is counted once, in its bin", () => {
  fc.assert(
    fc.property(randomLog(), (log) => {
      const parts = splitLog(log, {
        split: { ...split, shares: [...split.shares] },
        filter: { minHistory: 0 },
      });
      const drawn = describeDistributions(log, parts);
      const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
      const positives = sum([...log.label]);
      expect(sum(drawn.overTime.map((bin) => bin.positives))).toBe(positives);
      expect(sum(drawn.overTime.map((bin) => bin.negatives))).toBe(log.size - positives);
      expect(sum(drawn.ratings.map(({ rows }) => rows))).toBe(log.size);
      for (const part of ["train", "validation", "test"] as const) {
        for (const bin of drawn.historyLengths) {
          const inside = [...parts[part]].filter((row) => {
            const length = historyLength(log, row);
            return length >= bin.from && length <= bin.to;
          });
          expect(bin[part]).toBe(inside.length);
        }
        expect(sum(drawn.historyLengths.map((bin) => bin[part]))).toBe(parts[part].length);
      }
      expectRows(drawn.rowsOfUsers, log.user, log);
      expectRows(drawn.rowsOfItems, log.item, log);
    }),
  );
});

function expectRows(
  bins: readonly { from: number; to: number; count: number }[],
  codes: Int32Array,
  log: InteractionLog,
): void {
  const rows = new Map<number, number>();
  for (let row = 0; row < log.size; row++) rows.set(codes[row]!, (rows.get(codes[row]!) ?? 0) + 1);
  for (const { from, to, count } of bins)
    expect(count).toBe([...rows.values()].filter((n) => n >= from && n <= to).length);
}
