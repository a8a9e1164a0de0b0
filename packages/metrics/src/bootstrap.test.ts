import { createGenerator } from "@corella/random";
import fc from "fast-check";
import { expect, test } from "vitest";
import { scoredRows } from "./arbitraries.test-helper.ts";
import {
  auc,
  bootstrap,
  bootstrapDifference,
  bootstrapMetrics,
  bootstrapModels,
  summary,
  type Summary,
} from "./index.ts";

const take = (values: number[], rows: Uint32Array): number[] => Array.from(rows, (row) => values[row]!);

test("the fast bootstrap is the plain one of the same seed", () => {
  fc.assert(
    fc.property(scoredRows(2), fc.nat(), ({ a, b, labels }, seed) => {
      // Row by row, and of users who have every third row
      const groups = seed % 2 === 0 ? undefined : Int32Array.from(a, (_, row) => -(row % 3));
      const options = { samples: 40, seed, level: 0.8, groups };
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

test("users of one row each are rows: the same intervals", () => {
  const labels = Array.from({ length: 60 }, (_, row) => row % 2);
  const scores = labels.map((label, row) => ((row * 29) % 60) / 120 + label / 5);
  const groups = Uint32Array.from(labels, (_, row) => 1000 - row);
  expect(bootstrapMetrics(scores, labels, { groups, samples: 50 })).toEqual(
    bootstrapMetrics(scores, labels, { samples: 50 }),
  );
});

test("a resample has every row of a user as often as any other, and as many users as there are", () => {
  const groups = Int32Array.of(7, 7, 7, 2, 5, 5);
  const seen = new Set<number>();
  const statistic = (rows: Uint32Array): number => {
    const times = Array.from(groups, (_, row) => rows.filter((drawn) => drawn === row).length);
    expect([times[1], times[2]]).toEqual([times[0], times[0]]);
    expect(times[5]).toBe(times[4]);
    expect(times[0]! + times[3]! + times[4]!).toBe(3);
    seen.add(rows.length);
    return rows.length;
  };
  bootstrap(statistic, 6, { groups, samples: 200 });
  // Three draws of users with 3, 1 and 2 rows
  expect([...seen].toSorted((x, y) => x - y)).toEqual([3, 4, 5, 6, 7, 8, 9]);
});

/** Rows of users whose labels and scores share what is the user's: a few users tell less than their many rows. */
function clustered(users: number, rowsOfUser: number, seed: number) {
  const { normal, uniform } = createGenerator(seed, "clustered");
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const labels: number[] = [];
  const scores: number[] = [];
  const groups: number[] = [];
  for (let user = 0; user < users; user++) {
    const known = 2 * normal();
    const mistaken = normal();
    for (let row = 0; row < rowsOfUser; row++) {
      labels.push(uniform() < sigmoid(known) ? 1 : 0);
      scores.push(sigmoid(known + mistaken));
      groups.push(user);
    }
  }
  return { labels, scores, groups: Int32Array.from(groups) };
}

test("of clustered rows, intervals by users cover the truth where those by rows are too narrow", () => {
  const large = clustered(10_000, 10, 1);
  const truth = auc(large.scores, large.labels);
  let byUsers = 0;
  let byRows = 0;
  const trials = 100;
  for (let seed = 2; seed < trials + 2; seed++) {
    const { labels, scores, groups } = clustered(40, 10, seed);
    const options = { samples: 150, level: 0.9 };
    const rows = bootstrapMetrics(scores, labels, options).auc;
    const users = bootstrapMetrics(scores, labels, { ...options, groups }).auc;
    expect(users.high - users.low).toBeGreaterThan(1.2 * (rows.high - rows.low));
    if (rows.low <= truth && truth <= rows.high) byRows += 1;
    if (users.low <= truth && truth <= users.high) byUsers += 1;
  }
  // 90 % of 100 has a standard deviation of 3 %
  expect(byUsers / trials).toBeGreaterThan(0.9 - 2 * 0.03);
  expect(byRows / trials).toBeLessThan(0.9 - 4 * 0.03);
});

test("the p-value of a difference is twice the smaller side of the resamples, and agrees with the interval", () => {
  fc.assert(
    fc.property(scoredRows(6), fc.nat(), ({ a, b, labels }, seed) => {
      const options = { samples: 99, seed };
      const { accuracy, auc: ofAuc } = bootstrapDifference(a, b, labels, options);
      const hits = (scores: number[], row: number): number =>
        Number(scores[row]! >= 0.5 === (labels[row] === 1));
      const replicates: number[] = [];
      bootstrap(
        (rows) => {
          replicates.push(rows.reduce((sum, row) => sum + hits(a, row) - hits(b, row), 0));
          return 0;
        },
        a.length,
        options,
      );
      const drawn = replicates.slice(1); // the first are the rows as they are
      const smaller = Math.min(drawn.filter((x) => x <= 0).length, drawn.filter((x) => x >= 0).length);
      expect(accuracy.pValue).toBeCloseTo(Math.min(1, (2 * (smaller + 1)) / 100), 12);
      if (ofAuc.low > 0 || ofAuc.high < 0) expect(ofAuc.pValue).toBeLessThan(0.1);
      else if (!Number.isNaN(ofAuc.low)) expect(ofAuc.pValue).toBeGreaterThan(0.03);
    }),
    { numRuns: 50 },
  );
  expect(bootstrapDifference([0.4, 0.6], [0.4, 0.6], [0, 1]).auc.pValue).toBe(1);
  expect(bootstrapDifference([0.4, 0.6], [0.6, 0.4], [1, 1]).auc.pValue).toBeNaN();
});

test("nothing can be said by resamples of one user", () => {
  const of = bootstrapDifference([0.4, 0.6], [0.6, 0.4], [0, 1], { groups: Int32Array.of(3, 3) });
  expect(of.auc).toEqual({ estimate: 1, low: Number.NaN, high: Number.NaN, pValue: Number.NaN });
});

test("options that make no sense are refused", () => {
  const code = "metrics/bad-argument";
  expect(() => bootstrap(() => 0, 3, { samples: 0 })).toThrow(expect.objectContaining({ code }));
  expect(() => bootstrap(() => 0, 3, { level: 95 })).toThrow(expect.objectContaining({ code }));
  expect(() => bootstrap(() => 0, 3, { seed: -1 })).toThrow(expect.objectContaining({ code }));
  expect(() => bootstrap(() => 0, 3, { groups: new Int32Array(2) })).toThrow(
    expect.objectContaining({ code: "metrics/length-mismatch", place: "groups" }),
  );
});

test("several models from one pass have the figures that each has alone", () => {
  fc.assert(
    fc.property(scoredRows(3), fc.boolean(), ({ a, b, labels }, byUsers) => {
      const groups = byUsers ? Int32Array.from(labels, (_, row) => row % 3) : undefined;
      const options = { samples: 20, seed: 3, groups };
      const [first, second] = bootstrapModels([a, b], labels, { ...options, baseline: 0 });
      expect(first).toEqual({ metrics: bootstrapMetrics(a, labels, options) });
      expect(second!.metrics).toEqual(bootstrapMetrics(b, labels, options));
      expect(second!.difference).toEqual(bootstrapDifference(b, a, labels, options));
    }),
    { numRuns: 40 },
  );
  expect(bootstrapModels([[0.4, 0.6]], [0, 1])[0]).not.toHaveProperty("difference");
  expect(() => bootstrapModels([[0.4], [0.4, 0.6]], [0, 1])).toThrow(
    expect.objectContaining({ code: "metrics/length-mismatch" }),
  );
});
