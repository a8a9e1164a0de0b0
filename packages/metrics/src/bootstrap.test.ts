import fc from "fast-check";
import { expect, test } from "vitest";
import { scoredRows } from "./arbitraries.test-helper.ts";
import { auc, bootstrap, bootstrapDifference, bootstrapMetrics, summary, type Summary } from "./index.ts";

const take = (values: number[], rows: Uint32Array): number[] => Array.from(rows, (row) => values[row]!);

test("the fast bootstrap is the plain one of the same seed", () => {
  fc.assert(
    fc.property(scoredRows(2), fc.nat(), ({ a, b, labels }, seed) => {
      const options = { samples: 40, seed, level: 0.8 };
      const single = bootstrapMetrics(a, labels, options);
      const paired = bootstrapDifference(a, b, labels, options);
      for (const metric of ["auc", "logLoss", "accuracy"] satisfies (keyof Summary)[]) {
        const of = (scores: number[], rows: Uint32Array): number =>
          summary(take(scores, rows), take(labels, rows))[metric];
        const expected = bootstrap((rows) => of(a, rows), a.length, options);
        const expectedPaired = bootstrap((rows) => of(a, rows) - of(b, rows), a.length, options);
        for (const side of ["estimate", "low", "high"] as const) {
          if (Number.isNaN(expected[side])) expect(single[metric][side]).toBeNaN();
          else expect(single[metric][side]).toBeCloseTo(expected[side], 10);
          if (Number.isNaN(expectedPaired[side])) expect(paired[metric][side]).toBeNaN();
          else expect(paired[metric][side]).toBeCloseTo(expectedPaired[side], 10);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("the interval of a mean is the textbook's", () => {
  const values = Array.from({ length: 400 }, (_, row) => (row * 37) % 100);
  const mean = (rows: Uint32Array): number =>
    take(values, rows).reduce((sum, value) => sum + value, 0) / rows.length;
  const { estimate, low, high } = bootstrap(mean, values.length, { samples: 2000, seed: 3 });
  // Each of 0..99 stands four times: mean 49.5, variance (100^2 - 1) / 12; the normal interval is 1.96 standard errors
  const halfWidth = 1.96 * Math.sqrt((100 ** 2 - 1) / 12 / 400);
  expect(estimate).toBe(49.5);
  // A bound of 2,000 resamples has a standard error of 0.086: sqrt(.025 * .975 / 2000) over the density there, .0584 / 1.443.
  expect(Math.abs(low - (49.5 - halfWidth))).toBeLessThan(4 * 0.086);
  expect(Math.abs(high - (49.5 + halfWidth))).toBeLessThan(4 * 0.086);
});

test("the same seed gives the same interval, another seed another", () => {
  const labels = Array.from({ length: 50 }, (_, row) => row % 2);
  const scores = labels.map((label, row) => ((row * 29) % 50) / 100 + label / 4);
  const interval = (seed: number): object => bootstrapMetrics(scores, labels, { seed, samples: 100 });
  expect(interval(5)).toEqual(interval(5));
  expect(interval(5)).not.toEqual(interval(6));
  expect(bootstrapMetrics(scores, labels).auc.estimate).toBe(auc(scores, labels));
});

test("options that make no sense are refused", () => {
  const code = "metrics/bad-argument";
  expect(() => bootstrap(() => 0, 3, { samples: 0 })).toThrow(expect.objectContaining({ code }));
  expect(() => bootstrap(() => 0, 3, { level: 95 })).toThrow(expect.objectContaining({ code }));
  expect(() => bootstrap(() => 0, 3, { seed: -1 })).toThrow(expect.objectContaining({ code }));
});
