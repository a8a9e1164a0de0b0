import { logLoss } from "@corella/metrics";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  calibrate,
  fitMixWeight,
  fitPlatt,
  fitTemperature,
  logit,
  mix,
  sigmoid,
  type MixRule,
} from "./index.ts";

test("logit and sigmoid are inverse, and finite at the ends", () => {
  expect(logit(0.5)).toBe(0);
  expect(logit(0.75)).toBeCloseTo(Math.log(3), 15);
  expect(logit(1)).toBeCloseTo(24 * Math.LN2, 6);
  expect(logit(0)).toBe(-logit(1));
  expect(sigmoid(-800)).toBe(0);
  fc.assert(
    fc.property(fc.double({ min: -16, max: 16, noNaN: true }), (x) => {
      expect(logit(sigmoid(x))).toBeCloseTo(x, 8);
    }),
  );
});

test("replace puts the LLM's answers in the hard rows, addLogits adds them", () => {
  const pCrm = Float32Array.of(0.9, 0.5, 0.25);
  const rows = Uint32Array.of(1, 2);
  expect(mix(pCrm, [0.75, 0.25], rows, { kind: "replace" })).toEqual(Float32Array.of(0.9, 0.75, 0.25));
  // odds 1 * 3 = 3 -> 3/4; odds 1/3 * 1/3 = 1/9 -> 1/10
  expect(mix(pCrm, [0.75, 0.25], rows, { kind: "addLogits", weight: 1 })).toEqual(
    Float32Array.of(0.9, 0.75, 0.1),
  );
  // odds 1 * sqrt(9) * 2 = 6 -> 6/7
  const half: MixRule = { kind: "addLogits", weight: 0.5, bias: Math.log(2) };
  expect(mix(pCrm, [0.9], Uint32Array.of(1), half)[1]).toBeCloseTo(6 / 7, 6);
});

const probability = fc.float({ min: 0, max: 1, noNaN: true });
const sample = fc.record({
  crm: probability,
  llm: probability,
  hard: fc.boolean(),
  label: fc.integer({ min: 0, max: 1 }),
});

function arrays(samples: { crm: number; llm: number; hard: boolean; label: number }[]) {
  const rows = Uint32Array.from(samples.flatMap(({ hard }, row) => (hard ? [row] : [])));
  return {
    rows,
    pCrm: Float32Array.from(samples, ({ crm }) => crm),
    pLlm: Float32Array.from(rows, (row) => samples[row]!.llm),
    labels: samples.map(({ label }) => label),
  };
}

test("easy rows keep the CRM's answer bit for bit, hard rows are probabilities, weight 0 changes nothing", () => {
  const rule: fc.Arbitrary<MixRule> = fc.oneof(
    fc.constant<MixRule>({ kind: "replace" }),
    fc.record({
      kind: fc.constant("addLogits" as const),
      weight: fc.double({ min: -3, max: 3, noNaN: true }),
      bias: fc.option(fc.double({ min: -3, max: 3, noNaN: true }), { nil: undefined }),
    }),
  );
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 30 }), rule, (samples, mixRule) => {
      const { rows, pCrm, pLlm } = arrays(samples);
      const before = pCrm.slice();
      const mixed = mix(pCrm, pLlm, rows, mixRule);
      expect(pCrm).toEqual(before);
      for (const [row, p] of mixed.entries()) {
        if (samples[row]!.hard) expect(p >= 0 && p <= 1).toBe(true);
        else expect(Object.is(p, pCrm[row])).toBe(true);
      }
      expect(mix(pCrm, pLlm, rows, { kind: "addLogits", weight: 0 })).toEqual(pCrm);
    }),
  );
});

test.each([
  [
    "too few answers",
    () => mix(Float32Array.of(0.5), [], Uint32Array.of(0), { kind: "replace" }),
    "length-mismatch",
  ],
  [
    "a row outside",
    () => mix(Float32Array.of(0.5), [0.5], Uint32Array.of(1), { kind: "replace" }),
    "bad-rows",
  ],
  [
    "a row twice",
    () => mix(new Float32Array(3), [0.5, 0.5], Uint32Array.of(1, 1), { kind: "replace" }),
    "bad-rows",
  ],
  [
    "a NaN answer",
    () => mix(Float32Array.of(0.5), [Number.NaN], Uint32Array.of(0), { kind: "replace" }),
    "not-a-probability",
  ],
  [
    "a NaN weight",
    () => mix(Float32Array.of(0.5), [0.5], Uint32Array.of(0), { kind: "addLogits", weight: Number.NaN }),
    "bad-rule",
  ],
  ["too few answers to fit", () => fitMixWeight([0.5, 0.5], [0.5], [0, 1]), "length-mismatch"],
] as const)("%s is a user's mistake", (_, call, code) => {
  expect(call).toThrow(expect.objectContaining({ code: `routing/${code}` }));
});

/** Deterministic noise, near normal: the sum of three uniform numbers of a multiplicative generator. */
function noise(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  return () => 2 * (uniform() + uniform() + uniform()) - 3;
}

/** Labels drawn from sigmoid(crm + weight * llm + bias): the fit must find weight and bias again. */
function drawn(count: number, weight: number, bias: number) {
  const normal = noise(7);
  const crm = Array.from({ length: count }, () => 1.5 * normal());
  const llm = Array.from({ length: count }, () => normal() + 0.5);
  // P(noise < 0) = 1/2 by symmetry; a logistic draw: the label is 1 where a uniform number is below p
  let state = 99;
  const labels = crm.map((logitCrm, row) => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647 < sigmoid(logitCrm + weight * llm[row]! + bias) ? 1 : 0;
  });
  return { pCrm: crm.map(sigmoid), pLlm: llm.map(sigmoid), labels };
}

test("the weight and bias that made the labels are found again", () => {
  const { pCrm, pLlm, labels } = drawn(40_000, 0.5, -0.3);
  const fit = fitMixWeight(pCrm, pLlm, labels);
  // Standard errors here are about .012 and .013 (1 / sqrt of 40,000 times mean p (1 - p) of .18 times the variance)
  expect(Math.abs(fit.weight - 0.5)).toBeLessThan(0.05);
  expect(Math.abs(fit.bias + 0.3)).toBeLessThan(0.05);
  expect(fit.logLoss).toBeLessThan(logLoss(pCrm, labels));
  expect(fitMixWeight(pCrm, pLlm, labels)).toEqual(fit);
});

test("an LLM that does not help, or says nothing, gets weight 0 and the CRM stays", () => {
  const { pCrm, pLlm, labels } = drawn(5000, -0.5, 0.2);
  const crmLoss = logLoss(Float32Array.from(pCrm), labels);
  expect(fitMixWeight(pCrm, pLlm, labels)).toEqual({ weight: 0, bias: 0, logLoss: crmLoss });
  const constant = new Float32Array(5000).fill(0.7);
  expect(fitMixWeight(pCrm, constant, labels)).toEqual({ weight: 0, bias: 0, logLoss: crmLoss });
  expect(fitMixWeight(pCrm, [], labels, new Uint32Array(0))).toEqual({
    weight: 0,
    bias: 0,
    logLoss: crmLoss,
  });
});

/** Mean logloss of the hard rows, from logits. */
function lossAt(
  samples: { crm: number; llm: number; label: number }[],
  weight: number,
  bias: number,
): number {
  const losses = samples.map(({ crm, llm, label }) => {
    const z = logit(crm) + weight * logit(llm) + bias;
    return Math.log1p(Math.exp(-Math.abs(z))) + Math.max(label === 1 ? -z : z, 0);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

test("no other weight and bias on a grid has a lower loss, whichever rows are hard", () => {
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 25 }), fc.boolean(), (samples, bias) => {
      const { rows, pCrm, pLlm, labels } = arrays(samples);
      const fit = fitMixWeight(pCrm, pLlm, labels, rows, { bias });
      const hard = samples.filter(({ hard: isHard }) => isHard);
      expect(fit.weight).toBeGreaterThanOrEqual(0);
      if (!bias) expect(fit.bias).toBe(0);
      expect(fit.logLoss).toBeCloseTo(
        logLoss(mix(pCrm, pLlm, rows, { kind: "addLogits", ...fit }), labels),
        14,
      );
      if (hard.length === 0 || fit.weight === 0) return;
      const best = lossAt(hard, fit.weight, fit.bias);
      for (let weight = 0; weight <= 4; weight += 0.25) {
        for (let b = -4; b <= 4; b += bias ? 0.5 : 4) {
          if (!bias && b !== 0) continue;
          expect(lossAt(hard, weight, b)).toBeGreaterThan(best - 1e-9);
        }
      }
    }),
  );
});

test("weight 0 is given only where no positive weight helps", () => {
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 25 }), (samples) => {
      const { pCrm, labels } = arrays(samples);
      const llm = samples.map((s) => s.llm);
      if (fitMixWeight(pCrm, llm, labels, undefined, { bias: false }).weight > 0) return;
      for (const weight of [0.001, 0.01, 0.1, 1]) {
        expect(lossAt(samples, weight, 0)).toBeGreaterThan(lossAt(samples, 0, 0) - 1e-12);
      }
    }),
  );
});

test("temperature and Platt scaling undo a known distortion", () => {
  const { pCrm, pLlm, labels } = drawn(40_000, 0, 0);
  expect(pLlm).toHaveLength(40_000);
  const tooSure = pCrm.map((p) => sigmoid(2 * logit(p)));
  const scaled = fitTemperature(tooSure, labels);
  expect(scaled.temperature).toBeGreaterThan(1.9);
  expect(scaled.temperature).toBeLessThan(2.1);
  expect(scaled.logLoss).toBeLessThan(logLoss(tooSure, labels));
  expect(scaled.logLoss).toBe(logLoss(calibrate(tooSure, scaled), labels));

  const shifted = pCrm.map((p) => sigmoid(2 * logit(p) + 1));
  const platt = fitPlatt(shifted, labels);
  expect(Math.abs(platt.slope - 0.5)).toBeLessThan(0.03);
  expect(Math.abs(platt.intercept + 0.5)).toBeLessThan(0.05);
});

test("calibration of separable, useless and one-class rows stays finite", () => {
  for (const [p, y] of [
    [
      [0.2, 0.8],
      [0, 1],
    ],
    [
      [0.8, 0.2],
      [0, 1],
    ],
    [
      [0.5, 0.5],
      [0, 1],
    ],
    [
      [0.3, 0.6],
      [1, 1],
    ],
    [
      [0, 1],
      [0, 1],
    ],
  ] as const) {
    for (const fit of [fitTemperature(p, y), fitPlatt(p, y)]) {
      for (const value of Object.values(fit)) expect(Number.isFinite(value)).toBe(true);
    }
  }
  expect(fitTemperature([0.8, 0.2], [0, 1]).temperature).toBe(1000);
});
