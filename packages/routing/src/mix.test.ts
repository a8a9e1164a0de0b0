import fc from "fast-check";
import { expect, test } from "vitest";
import { fitMix, logit, mix, sigmoid, type MixRule } from "./index.ts";

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
  // odds sqrt(9) * 2 = 6 -> 6/7; the middle of the line from .2 to .6 -> .4
  const line = { kind: "logit", slope: 0.5, intercept: Math.log(2) } as const;
  expect(mix(pCrm, [0.9], Uint32Array.of(1), { kind: "replace", calibration: line })[1]).toBeCloseTo(
    6 / 7,
    6,
  );
  const steps = { kind: "isotonic", at: [0.5, 0.7], value: [0.2, 0.6] } as const;
  expect(mix(pCrm, [0.6, 0.1], rows, { kind: "replace", calibration: steps })).toEqual(
    Float32Array.of(0.9, 0.4, 0.2),
  );
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
  [
    "too few answers to fit",
    () => fitMix("platt", { pCrm: [0.5, 0.5], pLlm: [0.5], labels: [0, 1] }),
    "length-mismatch",
  ],
  [
    "too few users to fit",
    () => fitMix("platt", { pCrm: [0.5, 0.5], pLlm: [0.5, 0.5], labels: [0, 1], users: [1] }),
    "length-mismatch",
  ],
  [
    "an isotonic calibration that falls",
    () =>
      mix(Float32Array.of(0.5), [0.5], Uint32Array.of(0), {
        kind: "replace",
        calibration: { kind: "isotonic", at: [0, 1], value: [0.5, 0.4] },
      }),
    "bad-rule",
  ],
] as const)("%s is a user's mistake", (_, call, code) => {
  expect(call).toThrow(expect.objectContaining({ code: `routing/${code}` }));
});
