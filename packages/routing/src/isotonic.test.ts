import fc from "fast-check";
import { expect, test } from "vitest";
import { calibrate, fitIsotonic } from "./index.ts";

test("neighbours that would fall are averaged", () => {
  // .2 and .3 fall: their mean is 1/2. At most 7/8 is said after six rows, and 1/8 at least.
  const fit = fitIsotonic([0.1, 0.2, 0.3, 0.6, 0.7, 0.9], [0, 1, 0, 1, 1, 1]);
  expect(fit).toEqual({
    kind: "isotonic",
    at: [0.1, 0.2, 0.3, 0.6, 0.9],
    value: [1 / 8, 1 / 2, 1 / 2, 7 / 8, 7 / 8],
  });
  const said = calibrate([0, 0.15, 0.25, 0.45, 1], fit);
  expect(said).toEqual(Float32Array.of(1 / 8, (1 / 8 + 1 / 2) / 2, 1 / 2, (1 / 2 + 7 / 8) / 2, 7 / 8));
});

test("an LLM that ranks backwards gets one value, and nothing is learned of no rows", () => {
  expect(fitIsotonic([0.1, 0.5, 0.9], [1, 0, 0])).toEqual({
    kind: "isotonic",
    at: [0.1, 0.9],
    value: [1 / 3, 1 / 3],
  });
  expect(calibrate([0.2, 0.7], fitIsotonic([], []))).toEqual(Float32Array.of(0.2, 0.7));
});

const rows = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 6 }).map((n) => n / 6),
    fc.integer({ min: 0, max: 1 }),
  ),
  { minLength: 1, maxLength: 12 },
);

/** The values of least squared error that never fall, by the max-min formula: no pooling in it. */
function byMaxMin(p: number[], labels: number[]): number[] {
  const meanOf = (low: number, high: number): number => {
    const within = labels.filter((_, row) => p[row]! >= low && p[row]! <= high);
    return within.reduce((sum, label) => sum + label, 0) / within.length;
  };
  return p.map((x) => {
    const lows = p.filter((low) => low <= x);
    const highs = p.filter((high) => high >= x);
    return Math.max(...lows.map((low) => Math.min(...highs.map((high) => meanOf(low, high)))));
  });
}

test("the values are those of the max-min formula, within Laplace's bounds, and never fall", () => {
  fc.assert(
    fc.property(rows, (drawn) => {
      const p = drawn.map(([value]) => value);
      const labels = drawn.map(([, label]) => label);
      const fit = fitIsotonic(p, labels);
      const most = (p.length + 1) / (p.length + 2);
      const expected = byMaxMin(p, labels).map((value) => Math.min(Math.max(value, 1 - most), most));
      for (const [row, said] of calibrate(p, fit).entries()) expect(said).toBeCloseTo(expected[row]!, 6);
      const grid = calibrate(
        Array.from({ length: 41 }, (_, step) => step / 40),
        fit,
      );
      for (let step = 1; step < grid.length; step++)
        expect(grid[step]!).toBeGreaterThanOrEqual(grid[step - 1]!);
    }),
  );
});
