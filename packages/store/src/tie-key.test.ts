import fc from "fast-check";
import { expect, test } from "vitest";
import { compareKeys, tieKey } from "./tie-key.ts";

test("items at one time stand in the order of a log: numbers by their size, then words by their characters", () => {
  const items = ["b", "10", "9", "a", "007", "é", "100", "日", "😀"];
  const sorted = items.toSorted((a, b) => compareKeys(tieKey(a), tieKey(b)));
  expect(sorted).toEqual(["007", "9", "10", "100", "a", "b", "é", "日", "😀"]);
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (a, b) => {
      expect(Math.sign(compareKeys(tieKey(`${a}`), tieKey(`${b}`)))).toBe(Math.sign(a - b));
    }),
  );
});
