import fc from "fast-check";
import { expect, test } from "vitest";
import { scoredRows } from "./arbitraries.test-helper.ts";
import { normalTwoSided, studentTQuantile, studentTTwoSided } from "./distributions.ts";
import { auc, delongTest, pairedTTest } from "./index.ts";

/** P(X <= x) of a symmetric distribution from P(|X| >= |x|). */
const cdf = (x: number, twoSided: number): number => (x < 0 ? twoSided / 2 : 1 - twoSided / 2);
const normalCdf = (z: number): number => cdf(z, normalTwoSided(z));
const studentTCdf = (t: number, degreesOfFreedom: number): number =>
  cdf(t, studentTTwoSided(t, degreesOfFreedom));

// mpmath 1.3 with 40 digits: ncdf(z); and from betainc(d/2, 1/2, 0, d/(d + t^2), regularized=True)
test.each([
  [-8, 6.220960574271784e-16],
  [-3.5, 0.00023262907903552504],
  [-1.96, 0.024997895148220435],
  [-0.1, 0.460172162722971],
  [0, 0.5],
  [0.5, 0.6914624612740131],
  [2, 0.9772498680518208],
  [3.6, 0.9998408914098424],
])("normal CDF at %d", (z, expected) => {
  expect(Math.abs(normalCdf(z) / expected - 1)).toBeLessThan(1e-12);
});

test.each([
  [-1, 1, 0.25],
  [0.5, 1, 0.6475836176504333],
  [2, 2, 0.908248290463863],
  [-2.776, 4, 0.025011389159988205],
  [4.3, 7.5, 0.9984806074399648],
  [-0.01, 30, 0.49604374628658887],
  [1.5, 29, 0.9277881519798071],
  [-6, 100, 1.5862457514014284e-8],
  [2, 1_000_000, 0.9772497330743404],
  [-40, 3, 1.7190340394579263e-5],
])("Student t CDF at %d with %d degrees of freedom", (t, degreesOfFreedom, expected) => {
  expect(Math.abs(studentTCdf(t, degreesOfFreedom) / expected - 1)).toBeLessThan(1e-11);
});

test("Student t has closed forms for one and two degrees of freedom, and tends to the normal", () => {
  fc.assert(
    fc.property(fc.double({ min: -50, max: 50, noNaN: true }), (t) => {
      expect(studentTCdf(t, 1)).toBeCloseTo(0.5 + Math.atan(t) / Math.PI, 12);
      expect(studentTCdf(t, 2)).toBeCloseTo(0.5 + t / (2 * Math.sqrt(2 + t * t)), 12);
      expect(studentTCdf(t, 1e9)).toBeCloseTo(normalCdf(t), 8);
      expect(studentTCdf(-t, 7)).toBeCloseTo(1 - studentTCdf(t, 7), 13);
    }),
  );
  expect(studentTTwoSided(Infinity, 3)).toBe(0);
  expect(studentTTwoSided(0, 3)).toBe(1);
});

// scipy 1.17.1: stats.t.isf(p / 2, d)
test.each([
  [0.05, 1, 12.706204736174705],
  [0.05, 2, 4.302652729749464],
  [0.05, 4, 2.7764451051977943],
  [0.01, 29, 2.7563859036706053],
  [0.1, 7.5, 1.8757474792112883],
  [1e-6, 3, 130.15458955835794],
  [0.5, 1, 1],
  [0.05, 1_000_000, 1.9599663568141072],
])("Student t that %d lie beyond, with %d degrees of freedom", (p, degreesOfFreedom, expected) => {
  expect(Math.abs(studentTQuantile(p, degreesOfFreedom) / expected - 1)).toBeLessThan(1e-10);
});

/** DeLong et al. 1988 as written, over all pairs: placements, their 2 x 2 covariances, the variance of the difference. */
function delongByPairs(a: number[], b: number[], labels: number[]): { difference: number; variance: number } {
  const positives = labels.flatMap((label, row) => (label === 1 ? [row] : []));
  const negatives = labels.flatMap((label, row) => (label === 0 ? [row] : []));
  const psi = (x: number, y: number): number => (x > y ? 1 : x === y ? 0.5 : 0);
  const average = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const v10 = (s: number[]): number[] =>
    positives.map((i) => average(negatives.map((j) => psi(s[i]!, s[j]!))));
  const v01 = (s: number[]): number[] =>
    negatives.map((j) => average(positives.map((i) => psi(s[i]!, s[j]!))));
  const covariance = (x: number[], y: number[]): number =>
    (average(x.map((value, i) => (value - average(x)) * (y[i]! - average(y)))) * x.length) / (x.length - 1);
  const ofDifference = (x: number[], y: number[]): number =>
    (covariance(x, x) + covariance(y, y) - 2 * covariance(x, y)) / x.length;
  return {
    difference: average(v10(a)) - average(v10(b)),
    variance: ofDifference(v10(a), v10(b)) + ofDifference(v01(a), v01(b)),
  };
}

test("DeLong agrees with its definition over pairs", () => {
  fc.assert(
    fc.property(scoredRows(4), ({ a, b, labels: drawn }) => {
      const labels = [1, 1, 0, 0, ...drawn.slice(4)];
      const result = delongTest(a, b, labels);
      const expected = delongByPairs(a, b, labels);
      expect(result.aucA).toBeCloseTo(auc(a, labels), 14);
      expect(result.aucB).toBeCloseTo(auc(b, labels), 14);
      expect(result.difference).toBeCloseTo(expected.difference, 12);
      expect(result.standardError ** 2).toBeCloseTo(expected.variance, 12);
      const reversed = delongTest(b, a, labels);
      expect(reversed.difference).toBeCloseTo(-result.difference, 14);
      expect(reversed.pValue).toBeCloseTo(result.pValue, 10);
    }),
  );
});

test("DeLong of a small example, by hand", () => {
  // Positives rows 0 1, negatives rows 2 3. A ranks row 3 over row 1, B is perfect.
  // A: V10 = (1, 1/2), V01 = (1, 1/2); B: all 1. Differences A - B: (0, -1/2) both; sample variance 1/8 each.
  const result = delongTest([4, 2, 1, 3], [4, 3, 1, 2], [1, 1, 0, 0]);
  expect(result).toMatchObject({ aucA: 0.75, aucB: 1, difference: -0.25 });
  expect(result.standardError).toBeCloseTo(Math.sqrt(1 / 16 + 1 / 16), 15);
  expect(result.z).toBeCloseTo(-Math.SQRT1_2, 14);
  expect(result.pValue).toBeCloseTo(2 * normalCdf(-Math.SQRT1_2), 14);
});

test("DeLong at its edges", () => {
  expect(delongTest([1, 2, 3, 4], [1, 2, 3, 4], [0, 1, 0, 1])).toMatchObject({
    difference: 0,
    z: 0,
    pValue: 1,
  });
  // A perfect, B wrong in every pair: no variance at all
  expect(delongTest([1, 2, 3, 4], [4, 3, 2, 1], [0, 0, 1, 1])).toMatchObject({
    difference: 1,
    z: Infinity,
    pValue: 0,
  });
  expect(delongTest([1, 2], [2, 1], [1, 1]).pValue).toBeNaN();
});

test("the paired t test agrees with scipy", () => {
  // scipy 1.17.1: stats.ttest_rel(a, b)
  const result = pairedTTest(
    [0.8001, 0.7993, 0.8011, 0.7998, 0.8005],
    [0.7939, 0.7947, 0.7941, 0.795, 0.7925],
  );
  expect(result.t).toBeCloseTo(9.46140393577745, 10);
  expect(result.pValue).toBeCloseTo(0.0006960792690644146, 12);
  expect(result.degreesOfFreedom).toBe(4);
  expect(result.meanDifference).toBeCloseTo(0.00612, 14);
  expect(result.deviation).toBeCloseTo(0.0014463747785411732, 14);
  // confidence_interval(0.95) and (0.99) of the same
  expect([result.low, result.high]).toEqual([
    expect.closeTo(0.004324088509575475, 14),
    expect.closeTo(0.007915911490424508, 14),
  ]);
  const sure = pairedTTest(
    [0.8001, 0.7993, 0.8011, 0.7998, 0.8005],
    [0.7939, 0.7947, 0.7941, 0.795, 0.7925],
    0.99,
  );
  expect([sure.low, sure.high]).toEqual([
    expect.closeTo(0.003141894340002443, 14),
    expect.closeTo(0.009098105659997541, 14),
  ]);
  expect(() => pairedTTest([1, 2], [2, 1], 95)).toThrow(
    expect.objectContaining({ code: "metrics/bad-argument" }),
  );
  expect(pairedTTest([1, 2], [1, 2])).toMatchObject({ t: 0, pValue: 1 });
  expect(pairedTTest([2, 3], [1, 2])).toMatchObject({ t: Infinity, pValue: 0 });
  expect(() => pairedTTest([1], [2])).toThrow(expect.objectContaining({ code: "metrics/too-few" }));
});
