import { createGenerator } from "@corella/random";
import { expect, test } from "vitest";
import { bootstrapDifference, bootstrapSeedDifference, type MetricDifferences } from "./index.ts";

const { uniform } = createGenerator(3, "seeds.test");
const labels = Array.from({ length: 90 }, () => Math.round(uniform()));
const groups = Int32Array.from(labels, (_, row) => row % 15);
const noisy = (weight: number): number[] => labels.map((label) => weight * label + (1 - weight) * uniform());
const [a, b] = [noisy(0.4), noisy(0.3)];
const options = { samples: 100, seed: 2, groups };

const width = ({ auc }: MetricDifferences): number => auc.high - auc.low;

test("of one seed it is the difference by users, and so it is where all seeds gave the same", () => {
  const one = bootstrapDifference(a, b, labels, options);
  expect(bootstrapSeedDifference([a], [b], labels, options)).toEqual(one);
  const same = bootstrapSeedDifference([a, a, a], [b, b, b], labels, options);
  for (const metric of ["auc", "logLoss", "accuracy"] as const)
    for (const figure of ["estimate", "low", "high", "pValue"] as const)
      expect(same[metric][figure]).toBeCloseTo(one[metric][figure], 12);
});

test("the estimate is the mean over the seeds, and seeds that differ widen the interval", () => {
  const [worse, better] = [noisy(0.1), noisy(0.8)];
  const combined = bootstrapSeedDifference([a, worse, better], [b, b, b], labels, options);
  const single = [a, worse, better].map((run) => bootstrapDifference(run, b, labels, options));
  const mean = single.reduce((sum, { auc }) => sum + auc.estimate, 0) / 3;
  expect(combined.auc.estimate).toBeCloseTo(mean, 14);
  expect(width(combined)).toBeGreaterThan(1.5 * Math.max(...single.map(width)));
  expect(bootstrapSeedDifference([a, worse, better], [b, b, b], labels, options)).toEqual(combined);
});

test("of three seeds two are drawn, so that their mean varies as the mean of three does", () => {
  // One seed of A is right everywhere, two are wrong, and B is wrong: accuracies differ by 1, 0, 0 whoever is drawn.
  const right = labels.map((label) => label);
  const wrong = labels.map((label) => 1 - label);
  const samples = 3000;
  const { accuracy } = bootstrapSeedDifference([right, wrong, wrong], [wrong, wrong, wrong], labels, {
    samples,
  });
  expect(accuracy.estimate).toBeCloseTo(1 / 3, 14);
  // Both draws miss the first with probability 4/9 (a variance of 1/9, which is 1/3 over 3 seeds); of three draws 8/27 would.
  const deviation = Math.sqrt(((4 / 9) * (5 / 9)) / samples);
  expect(Math.abs(accuracy.pValue / 2 - 4 / 9)).toBeLessThan(4 * deviation);
  expect([accuracy.low, accuracy.high]).toEqual([0, 1]);
});

test.each([
  ["no seeds", () => bootstrapSeedDifference([], [], []), "metrics/too-few", "runsB"],
  ["a missing seed", () => bootstrapSeedDifference([a, a], [b], labels), "metrics/length-mismatch", "runsB"],
  [
    "a run of other rows",
    () => bootstrapSeedDifference([a, a], [b, b.slice(1)], labels),
    "metrics/length-mismatch",
    "B, run 1",
  ],
  [
    "a logit",
    () => bootstrapSeedDifference([[2]], [[0.5]], [1]),
    "metrics/not-a-probability",
    "A, run 0, row 0",
  ],
] as const)("%s is a mistake with its place", (_, call, code, place) => {
  expect(call).toThrow(expect.objectContaining({ code, place }));
});
