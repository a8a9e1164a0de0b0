import fc from "fast-check";
import { expect, test } from "vitest";
import { bestThreshold } from "./boundary-shift.ts";
import { boundaryShift, logit } from "./index.ts";

test("a shifted LLM is seen: by thresholds, logits and disagreement", () => {
  // The LLM has the CRM's odds times 9: same ranks, another boundary.
  const pCrm = [0.1, 0.2, 0.5, 0.75, 0.9];
  const pLlm = pCrm.map((p) => (9 * p) / (9 * p + 1 - p));
  const shift = boundaryShift(pCrm, pLlm, [0, 0, 1, 1, 1]);
  expect(shift.count).toBe(5);
  expect(shift.disagreement).toBe(2 / 5); // .1 -> .5 and .2 -> .69
  expect(shift.bestThresholdCrm).toBe(0.5);
  expect(shift.bestThresholdLlm).toBeCloseTo((pLlm[1]! + pLlm[2]!) / 2, 15);
  expect(shift.meanLogitShift).toBeCloseTo(Math.log(9), 12);
  expect(shift.logitCorrelation).toBeCloseTo(1, 12);
  expect(shift).toMatchObject({ aucCrm: 1, aucLlm: 1 });
});

test("groups go from the CRM's surest to its least sure rows", () => {
  const pCrm = [0.5, 0.01, 0.7, 0.99, 0.45, 0.3];
  const pLlm = [0.9, 0.01, 0.7, 0.99, 0.1, 0.3];
  const { groups } = boundaryShift(pCrm, pLlm, [1, 0, 1, 1, 0, 0]);
  expect(groups.map((group) => group.count)).toEqual([2, 2, 2]);
  expect(groups.map((group) => group.meanLogitShift)).toEqual([
    0,
    0,
    expect.closeTo((logit(0.9) + logit(0.1) - logit(0.45)) / 2, 12),
  ]);
  expect(groups.every((group) => group.disagreement === 0)).toBe(true);
  expect(groups.map((group) => group.aucLlm)).toEqual([1, 1, 1]);
});

const row = fc.tuple(
  fc.oneof(
    fc.integer({ min: 0, max: 4 }).map((n) => n / 4),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  fc.integer({ min: 0, max: 1 }),
);

test("no threshold has a higher accuracy than the best one", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
      const p = Float64Array.from(rows, ([value]) => value);
      const labels = Uint8Array.from(rows, ([, label]) => label);
      const hits = (threshold: number): number =>
        p.filter((value, i) => value >= threshold === (labels[i] === 1)).length;
      const best = bestThreshold(p, labels);
      expect(best >= 0 && best <= 1).toBe(true);
      for (const threshold of [0, 0.5, 1, ...p]) expect(hits(threshold)).toBeLessThanOrEqual(hits(best));
      if (hits(0.5) === hits(best)) expect(best).toBe(0.5);
    }),
  );
});

test("unequal lengths, foreign labels and NaN are refused", () => {
  expect(() => boundaryShift([0.5], [0.5, 0.5], [1])).toThrow(
    expect.objectContaining({ code: "routing/length-mismatch" }),
  );
  expect(() => boundaryShift([0.5], [0.5], [5])).toThrow(
    expect.objectContaining({ code: "metrics/bad-label" }),
  );
  expect(() => boundaryShift([0.5], [Number.NaN], [1])).toThrow(
    expect.objectContaining({ code: "routing/not-a-probability", place: "pLlm, row 0" }),
  );
});
