import { expect, test } from "vitest";
import { stabilityIndex } from "./summary.ts";

test("the stability index is 0 for the same shares and the formula's value for others", () => {
  expect(stabilityIndex([0.25, 0.75], [0.25, 0.75])).toBe(0);
  // (0.5 - 0.25) ln 2 + (0.5 - 0.75) ln(2/3)
  expect(stabilityIndex([0.5, 0.5], [0.25, 0.75])).toBeCloseTo(
    0.25 * Math.log(2) - 0.25 * Math.log(2 / 3),
    12,
  );
  expect(Number.isFinite(stabilityIndex([1, 0], [0, 1]))).toBe(true);
});
