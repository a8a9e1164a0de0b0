import { auc, logLoss } from "@corella/metrics";
import fc from "fast-check";
import { expect, test } from "vitest";
import { drawn } from "./drawn.test-helper.ts";
import { calibrate, fitMix, fitPlatt, logit, mix, sigmoid, type MixRule } from "./index.ts";

const all = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row);

/** Logloss and AUC of rows mixed by a rule, minus those of the CRM. */
function change(rule: MixRule, { pCrm, pLlm, labels }: ReturnType<typeof drawn>) {
  const crm = Float32Array.from(pCrm);
  const mixed = mix(crm, pLlm, all(crm.length), rule);
  return {
    logLoss: logLoss(mixed, labels) - logLoss(crm, labels),
    auc: auc(mixed, labels) - auc(crm, labels),
  };
}

test("the weight that made the labels is found again, and the LLM's mean shifts nothing", () => {
  const answers = drawn({ count: 10_000, weight: 0.5 });
  const fit = fitMix("addLogits", answers);
  const { rule, gain } = fit;
  // The standard error here is about .012 (1 / sqrt of 10,000 times mean p (1 - p) of .18)
  expect(Math.abs(rule.weight - 0.5)).toBeLessThan(0.08);
  expect(rule.bias).toBeCloseTo(-rule.weight * 0.5, 1);
  expect(gain.mean).toBeGreaterThan(8 * gain.standardError);
  // Held out or not hardly differs with so many rows, and the labels of others confirm it.
  expect(gain.mean).toBeCloseTo(-change(rule, answers).logLoss, 3);
  expect(gain.mean).toBeCloseTo(-change(rule, drawn({ count: 10_000, weight: 0.5, seed: 8 })).logLoss, 2);
  expect(fitMix("addLogits", answers)).toEqual({ rule, gain });
});

test("near the noise, the weight of least logloss is shrunk by the square of noise over signal", () => {
  const { pCrm, pLlm, labels } = drawn({ count: 3000, weight: 0.12 });
  const center = pLlm.reduce((sum, p) => sum + logit(p), 0) / 3000;
  const x = pLlm.map((p) => logit(p) - center);
  /** Sums of the score, its square and the curvature at a weight. */
  const at = (weight: number): number[] =>
    x.reduce(
      (sums, value, row) => {
        const p = sigmoid(logit(pCrm[row]!) + weight * value);
        const score = (labels[row]! - p) * value;
        return [sums[0]! + score, sums[1]! + score * score, sums[2]! + p * (1 - p) * value * value];
      },
      [0, 0, 0],
    );
  let best = 0;
  for (let step = 0; step < 8; step++) best += at(best)[0]! / at(best)[2]!;
  const [score, squares] = at(0);
  const noise = (squares! * 3000) / 2999 / score! ** 2;
  expect(noise).toBeGreaterThan(0.02);
  const { weight } = fitMix("addLogits", { pCrm, pLlm, labels }).rule;
  // Equal but for the curvature, which is not quite that at weight 0.
  expect(weight / best / (1 - noise)).toBeCloseTo(1, 2);
});

const seeds = fc.integer({ min: 1, max: 1e6 });

test("an LLM of no use never harms beyond noise: whatever its scale, its lean and that of the CRM", () => {
  fc.assert(
    fc.property(
      seeds,
      fc.constantFrom(0.01, 1, 4),
      fc.constantFrom(-1, 0, 0.1),
      fc.constantFrom(-0.3, 0, 0.3),
      (seed, spread, mean, bias) => {
        const users = { rows: 5, spread: 0.7 };
        const draw = { count: 1500, weight: 0, bias, llm: { mean, spread }, users };
        const { rule } = fitMix("addLogits", drawn({ ...draw, seed }));
        if (rule.weight === 0) return;
        // Kept by chance, as one in some ten is: then it is as little as chance can make it.
        const later = change(rule, drawn({ ...draw, count: 5000, seed: seed + 1e6 }));
        expect(later.logLoss).toBeLessThan(0.004);
        expect(later.auc).toBeGreaterThan(-0.004);
      },
    ),
    { numRuns: 30, seed: 1 },
  );
});

test("an LLM of no use is kept seldom", () => {
  const kept = Array.from({ length: 60 }, (_, seed) =>
    fitMix("addLogits", drawn({ count: 500, weight: 0, seed: 3 * seed + 1 })),
  ).filter(({ rule }) => rule.weight > 0);
  expect(kept.length).toBeLessThan(10);
});

test("an LLM that says nearly the same of all is no bias: what the CRM's lean gives it is not learned", () => {
  // Without the mean, the fit of least logloss gives it a weight of 10: logits of 0.05 that move all answers by half.
  const answers = drawn({ count: 4000, weight: 0, bias: 0.5, llm: { mean: 0.05, spread: 0.002 } });
  expect(Math.abs(fitMix("addLogits", answers).rule.bias!)).toBeLessThan(0.01);
});

test("a useful LLM is kept, also one that is right about everything", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const draw = { count: 1000, weight: 0.5, llm: { mean: 0, spread: 1 } };
      const { rule } = fitMix("addLogits", drawn({ ...draw, seed }));
      expect(rule.weight).toBeGreaterThan(0.25);
      expect(change(rule, drawn({ ...draw, seed: seed + 1e6 })).logLoss).toBeLessThan(0);
    }),
    { numRuns: 8, seed: 1 },
  );
  const { pCrm, labels } = drawn({ count: 500, weight: 0 });
  const { rule } = fitMix("addLogits", { pCrm, labels, pLlm: labels.map((label) => 0.3 + 0.4 * label) });
  expect(Number.isFinite(rule.weight)).toBe(true);
  expect(auc(mix(Float32Array.from(pCrm), labels, all(500), rule), labels)).toBeGreaterThan(0.999);
});

test("an LLM that ranks backwards gets 0, and so does one that says the same of all, or of nobody", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const { rule } = fitMix("addLogits", drawn({ count: 800, weight: -0.5, seed }));
      expect(rule).toEqual({ kind: "addLogits", weight: 0, bias: 0 });
    }),
    { numRuns: 8, seed: 1 },
  );
  const { pCrm, labels, pLlm } = drawn({ count: 800, weight: 0.5 });
  const constant = { pCrm, labels, pLlm: new Float32Array(800).fill(0.7) };
  expect(fitMix("addLogits", constant).rule.weight).toBe(0);
  expect(fitMix("addLogits", { pCrm, labels, pLlm }, new Uint32Array(0)).rule.weight).toBe(0);
});

test("rows of a user are one observation: what one user teaches a hundred times is not learned", () => {
  const { pCrm, pLlm, labels } = drawn({ count: 1000, weight: 0.5 });
  expect(fitMix("addLogits", { pCrm, pLlm, labels }).rule.weight).toBeGreaterThan(0);
  const one = fitMix("addLogits", { pCrm, pLlm, labels, users: new Uint8Array(1000) });
  expect(one).toEqual({
    rule: { kind: "addLogits", weight: 0, bias: 0 },
    gain: { mean: 0, standardError: Infinity },
  });
  // Ten rows repeated a hundred times are known as well as ten rows.
  const copies = Array.from({ length: 1000 }, (_, row) => row % 10);
  const repeated = {
    pCrm: copies.map((row) => pCrm[row]!),
    pLlm: copies.map((row) => pLlm[row]!),
    labels: copies.map((row) => labels[row]!),
  };
  const careless = fitMix("replace", repeated).gain;
  const careful = fitMix("replace", { ...repeated, users: copies }).gain;
  expect(careful.mean).toBeCloseTo(careless.mean, 12);
  // sqrt(1000 - 1) against sqrt(10 - 1)
  expect(careful.standardError / careless.standardError).toBeCloseTo(Math.sqrt(111), 6);
});

test("only the rows that the LLM answers decide", () => {
  const { pCrm, pLlm, labels } = drawn({ count: 2000, weight: 0.5 });
  const rows = all(2000).filter((row) => row % 3 === 0);
  const alone = (values: number[]): number[] => Array.from(rows, (row) => values[row]!);
  for (const kind of ["platt", "isotonic", "addLogits"] as const) {
    const among = fitMix(kind, { pCrm, pLlm, labels }, rows);
    expect(among).toEqual(fitMix(kind, { pCrm: alone(pCrm), pLlm: alone(pLlm), labels: alone(labels) }));
  }
});

test("replacing: each calibration brings more than the LLM's own answers where those are too sure", () => {
  const { pCrm, pLlm, labels } = drawn({ count: 3000, weight: 1 });
  const tooSure = { pCrm, labels, pLlm: pLlm.map((p) => sigmoid(5 * logit(p) + 2)) };
  const gainOf = (kind: Parameters<typeof fitMix>[0]): number => fitMix(kind, tooSure).gain.mean;
  expect(fitMix("replace", tooSure).rule).toEqual({ kind: "replace" });
  expect(gainOf("temperature")).toBeGreaterThan(gainOf("replace"));
  expect(gainOf("platt")).toBeGreaterThan(gainOf("temperature"));
  expect(gainOf("isotonic")).toBeGreaterThan(gainOf("temperature"));
  const { slope, intercept } = fitPlatt(tooSure.pLlm, labels);
  const { rule } = fitMix("platt", tooSure);
  expect(rule).toEqual({ kind: "replace", calibration: { kind: "logit", slope, intercept } });
  const mixed = mix(Float32Array.from(pCrm), tooSure.pLlm, all(3000), rule);
  expect(mixed).toEqual(calibrate(tooSure.pLlm, { kind: "logit", slope, intercept }));
});
