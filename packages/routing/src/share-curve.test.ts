import { auc, logLoss } from "@corella/metrics";
import { expect, test } from "vitest";
import { drawn } from "./drawn.test-helper.ts";
import { fitRouter, predictionEntropy, routeAndMix, shareCurve, shareOfBudget } from "./index.ts";

test("the curve begins with the CRM alone and ends with the LLM's answers everywhere", () => {
  const answers = drawn({ count: 400, weight: 0.5 });
  const { points } = shareCurve(answers, "replace");
  expect(points.map(({ share }) => share)).toEqual(Array.from({ length: 21 }, (_, step) => step / 20));
  const figures = (p: number[]) => ({ auc: auc(p, answers.labels), logLoss: logLoss(p, answers.labels) });
  expect(points[0]).toEqual({ share: 0, ...figures(answers.pCrm), gain: { mean: 0, standardError: 0 } });
  expect(points[20]).toMatchObject(figures(answers.pLlm));
  // In between, what the policy of that share and the paper's rule give.
  const { hard } = fitRouter(answers, { share: 0.3, mix: "replace" });
  const { probabilities } = routeAndMix(
    Float32Array.from(answers.pCrm),
    Float32Array.from(answers.pLlm),
    hard,
    { kind: "replace" },
  );
  expect(points[6]!.logLoss).toBeCloseTo(logLoss(probabilities, answers.labels), 6);
  expect(points[6]!.gain.mean).toBeCloseTo(points[0]!.logLoss - points[6]!.logLoss, 6);
});

test("auto: everywhere for an LLM that helps everywhere, nowhere for one that knows nothing", () => {
  const useful = drawn({ count: 600, weight: 0.8 });
  expect(shareCurve(useful, "addLogits").best).toBeGreaterThan(0.6);
  expect(fitRouter(useful, { share: "auto", mix: "addLogits" }).policy.kind).toBe("threshold");
  for (const mix of ["replace", "platt", "addLogits"] as const) {
    const useless = drawn({ count: 600, weight: 0 });
    const fit = fitRouter(useless, { share: "auto", mix });
    expect([fit.curve.best, fit.policy]).toEqual([0, { kind: "none" }]);
  }
});

test("auto: only where the CRM is unsure for an LLM that knows nothing of the rest", () => {
  const { pCrm, pLlm, labels } = drawn({ count: 1500, weight: 1.5 });
  const isHard = pCrm.map((p) => predictionEntropy(p) > 0.65);
  const nearby = { pCrm, labels, pLlm: pLlm.map((p, row) => (isHard[row] ? p : pLlm[(row + 1) % 1500]!)) };
  const part = isHard.filter(Boolean).length / 1500;
  const { best, points } = shareCurve(nearby, "platt");
  expect(best).toBeGreaterThan(part / 2);
  expect(best).toBeLessThanOrEqual(Math.ceil(20 * part + 1) / 20);
  expect(points.at(-1)!.gain.mean).toBeLessThan(0);
});

test("a budget bounds the share, whether it was asked for or is the best", () => {
  const useful = drawn({ count: 500, weight: 0.8 });
  for (const share of [0.5, "auto"] as const) {
    const { curve, hard } = fitRouter(useful, { share, mix: "addLogits", mostShare: 0.22 });
    expect(curve.points.at(-1)!.share).toBe(0.22);
    const sent = routeAndMix(Float32Array.from(useful.pCrm), Float32Array.from(useful.pLlm), hard, {
      kind: "replace",
    });
    expect(sent.toLlm.length).toBeLessThanOrEqual(110);
    expect(sent.toLlm.length).toBeGreaterThan(50);
  }
  expect(shareOfBudget({ calls: 250 })).toBe(0.25);
  expect(shareOfBudget({ milliseconds: 4000, perCall: 20 })).toBe(0.2);
  expect(shareOfBudget({ money: 0.03, perCall: 0.0001 })).toBeCloseTo(0.3, 12);
  expect(shareOfBudget({ money: 5, perCall: 0.001 })).toBe(1);
});

test("rows of equal priority go together, and a share in percent is a user's mistake", () => {
  const { pCrm, pLlm, labels } = drawn({ count: 100, weight: 1 });
  const priority = Float32Array.from(pCrm, (_, row) => (row < 30 ? 1 : 0));
  const { points } = shareCurve({ pCrm, pLlm, labels }, "replace", { priority });
  expect(points.map(({ share }) => share)).toEqual([0, 0.3, 1]);
  expect(() => shareCurve({ pCrm, pLlm, labels }, "replace", { mostShare: 30 })).toThrow(
    expect.objectContaining({ code: "routing/bad-policy" }),
  );
});
