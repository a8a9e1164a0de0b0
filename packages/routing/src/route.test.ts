import fc from "fast-check";
import { expect, test } from "vitest";
import { predictionEntropy, route, thresholdForShare } from "./index.ts";

const probability = fc.oneof(
  fc.integer({ min: 0, max: 8 }).map((n) => n / 8),
  fc.float({ min: 0, max: 1, noNaN: true }),
);
const batch = fc.array(probability, { maxLength: 40 }).map((values) => Float32Array.from(values));
const share = fc.double({ min: 0, max: 1, noNaN: true });

test("entropy: equation 1 at points that one can work out", () => {
  expect(predictionEntropy(0)).toBe(0);
  expect(predictionEntropy(1)).toBe(0);
  expect(predictionEntropy(0.5)).toBe(Math.LN2);
  // -1/4 log 1/4 - 3/4 log 3/4 = log 4 - 3/4 log 3
  expect(predictionEntropy(0.25)).toBeCloseTo(Math.log(4) - 0.75 * Math.log(3), 15);
  // for small p: p (1 - log p)
  expect(predictionEntropy(1e-12)).toBeCloseTo(1e-12 * (1 - Math.log(1e-12)), 22);
  expect(predictionEntropy(1.1)).toBeNaN();
});

test("entropy is symmetric and grows towards 0.5", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      (p, q) => {
        expect(predictionEntropy(1 - p)).toBeCloseTo(predictionEntropy(p), 12);
        if (p < q) expect(predictionEntropy(p)).toBeLessThanOrEqual(predictionEntropy(q) + 1e-15);
      },
    ),
  );
});

test("each policy picks its rows, ascending", () => {
  const pCrm = Float32Array.of(0.99, 0.45, 0.1, 0.5, 0.55, 0.9);
  const rows = (policy: Parameters<typeof route>[1]): number[] => [...route(pCrm, policy).toLlm];
  expect(rows({ kind: "none" })).toEqual([]);
  expect(rows({ kind: "all" })).toEqual([0, 1, 2, 3, 4, 5]);
  expect(rows({ kind: "threshold", entropy: predictionEntropy(0.3) })).toEqual([1, 3, 4]);
  expect(rows({ kind: "threshold", entropy: 0 })).toEqual([0, 1, 2, 3, 4, 5]);
  expect(rows({ kind: "budget", share: 1 / 6 })).toEqual([3]);
  expect(rows({ kind: "budget", share: 0.5 })).toEqual([1, 3, 4]);
  expect(rows({ kind: "budget", share: 0.49 })).toHaveLength(2);
  expect(route(pCrm, { kind: "none" }).entropy[3]).toBe(Math.fround(Math.LN2));
});

test("a budget takes ties in the order of the rows, and shares are not cut by rounding", () => {
  expect([...route(new Float32Array(10).fill(0.3), { kind: "budget", share: 0.3 }).toLlm]).toEqual([0, 1, 2]);
  expect(route(new Float32Array(100).fill(0.3), { kind: "budget", share: 0.29 }).toLlm).toHaveLength(29);
  expect([...route(new Float32Array(1).fill(0.5), { kind: "budget", share: 0.9 }).toLlm]).toEqual([]);
});

test("a budget is kept, and no easy row is harder than a hard one", () => {
  fc.assert(
    fc.property(batch, share, (pCrm, part) => {
      const { toLlm, entropy } = route(pCrm, { kind: "budget", share: part });
      expect(toLlm).toHaveLength(Math.floor(part * pCrm.length + 1e-9));
      const hard = new Set(toLlm);
      expect(hard.size).toBe(toLlm.length);
      const easiestHard = Math.min(...Array.from(toLlm, (row) => entropy[row]!));
      for (const [row, value] of entropy.entries()) {
        if (!hard.has(row)) expect(value).toBeLessThanOrEqual(easiestHard);
      }
    }),
  );
});

test("a threshold made for a share routes that share again, but for ties", () => {
  fc.assert(
    fc.property(batch, share, (pCrm, part) => {
      const { entropy, toLlm: budgeted } = route(pCrm, { kind: "budget", share: part });
      const { toLlm } = route(pCrm, { kind: "threshold", entropy: thresholdForShare(entropy, part) });
      const chosen = new Set(budgeted);
      expect([...toLlm].every((row) => chosen.has(row))).toBe(true);
      const tied = new Set(entropy).size < entropy.length;
      if (!tied) expect(toLlm).toEqual(budgeted);
    }),
  );
  expect(thresholdForShare([0.1, 0.2, 0.3, 0.4], 0.5)).toBe(Math.fround(0.2));
  expect(thresholdForShare([0.1], 1)).toBe(-1);
  expect(
    route(Float32Array.of(0.5), { kind: "threshold", entropy: thresholdForShare([0.1], 0) }).toLlm,
  ).toHaveLength(0);
});

test.each([
  ["a NaN from the CRM", () => route(Float32Array.of(0.5, Number.NaN), { kind: "all" }), "not-a-probability"],
  ["a logit", () => route(Float32Array.of(-2), { kind: "all" }), "not-a-probability"],
  ["a share in percent", () => route(Float32Array.of(0.5), { kind: "budget", share: 30 }), "bad-policy"],
  ["no share", () => thresholdForShare([0.5], Number.NaN), "bad-policy"],
  [
    "a NaN threshold",
    () => route(Float32Array.of(0.5), { kind: "threshold", entropy: Number.NaN }),
    "bad-policy",
  ],
] as const)("%s is a user's mistake", (_, call, code) => {
  expect(call).toThrow(expect.objectContaining({ code: `routing/${code}`, place: expect.any(String) }));
});
