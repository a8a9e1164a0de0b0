import { logLoss } from "@corella/metrics";
import { expect, test } from "vitest";
import { drawn, uniform } from "./drawn.test-helper.ts";
import { fitMix, fitRouter, logit, mix, routeAndMix, sigmoid, type MixRule } from "./index.ts";

/** Answers of users of five rows each; the LLM's logit weighs as much as its item's number of events says. */
function byItem(
  count: number,
  weights: readonly [fresh: number, rare: number, frequent: number],
  seed: number,
) {
  const next = uniform(seed + 5);
  const itemEvents = Array.from({ length: count }, () => [0, 50, 500][Math.floor(3 * next())]!);
  const { pCrm, pLlm, users } = drawn({
    count,
    weight: 0,
    llm: { mean: 0.5, spread: 1 },
    users: { rows: 5, spread: 0 },
    seed,
  });
  const labels = pCrm.map((p, row) => {
    const weight = weights[itemEvents[row] === 0 ? 0 : itemEvents[row] === 50 ? 1 : 2]!;
    return next() < sigmoid(logit(p) + weight * (logit(pLlm[row]!) - 0.5)) ? 1 : 0;
  });
  const signals = { historyLengths: new Uint8Array(count), itemEvents };
  return { pCrm: Float32Array.from(pCrm), pLlm: Float32Array.from(pLlm), labels, users, signals };
}

type Answers = ReturnType<typeof byItem>;
const all = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row);
const lossOf = ({ pCrm, pLlm, labels, signals }: Answers, rule: MixRule): number =>
  logLoss(mix(pCrm, pLlm, all(pCrm.length), rule, signals), labels);

test("an LLM that knows new items alone is listened to there, and asked about nothing else", () => {
  const answers = byItem(6000, [0.8, 0, 0], 3);
  const { bySegment, rule } = fitMix("addLogitsBySegment", answers);
  expect(bySegment!.mean).toBeGreaterThan(3 * bySegment!.standardError);
  const { weights, divisions } = rule.segments!;
  expect(divisions).toEqual([{ by: "itemEvents", ends: [0, 99] }]);
  // The standard error of each is about .054: 1 / sqrt of 2,000 times mean p (1 - p) of .17
  expect(Math.abs(weights[0]! - 0.8)).toBeLessThan(0.16);
  expect(Math.max(weights[1]!, weights[2]!)).toBeLessThan(0.16);
  const later = byItem(6000, [0.8, 0, 0], 77);
  const common = fitMix("addLogits", answers).rule;
  expect(lossOf(later, rule)).toBeLessThan(lossOf(later, common) - 0.005);
  const { toLlm } = routeAndMix(later.pCrm, later.pLlm, { kind: "all" }, rule, later.signals);
  for (const [segment, events] of [0, 50, 500].entries()) {
    const isAsked = toLlm.some((row) => later.signals.itemEvents[row] === events);
    expect(isAsked).toBe(weights[segment] !== 0);
  }
});

test("where segments do not differ there is the common weight, and where nothing helps there is none", () => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const kept = seeds.filter((seed) => {
    const answers = byItem(1000, [0.5, 0.5, 0.5], 31 * seed);
    const { rule, bySegment, gain } = fitMix("addLogitsBySegment", answers);
    if (rule.segments === undefined) expect({ rule, gain }).toEqual(fitMix("addLogits", answers));
    else expect(bySegment!.mean).toBeGreaterThan(bySegment!.standardError);
    return rule.segments !== undefined;
  });
  expect(kept.length).toBeLessThan(4);
  const answers = byItem(400, [0, 0, 0], 17);
  expect(fitRouter(answers, { share: 1, mix: "addLogitsBySegment" })).toMatchObject({
    policy: { kind: "none" },
    rule: { kind: "addLogits", weight: 0, bias: 0 },
  });
});

test("a segment deviates by its own step times its share of signal, and its own mean shifts nothing", () => {
  const answers = byItem(3000, [0.7, 0.3, 0.2], 11);
  const { rule } = fitMix("addLogitsBySegment", answers);
  const { weight, bias, segments } = rule;
  const { pCrm, pLlm, labels, users, signals } = answers;
  const parts = [0, 50, 500].map((events) => {
    const rows = [...all(3000)].filter((row) => signals.itemEvents[row] === events);
    const mean = rows.reduce((sum, row) => sum + logit(pLlm[row]!), 0) / rows.length;
    const x = (row: number): number => logit(pLlm[row]!) - mean;
    /** Score by user and curvature with a weight more. */
    const at = (more: number): { scores: number[]; curvature: number } => {
      const scores = new Map<number, number>();
      let curvature = 0;
      for (const row of rows) {
        const p = sigmoid(logit(pCrm[row]!) + weight * logit(pLlm[row]!) + bias! + more * x(row));
        scores.set(users[row]!, (scores.get(users[row]!) ?? 0) + (labels[row]! - p) * x(row));
        curvature += p * (1 - p) * x(row) ** 2;
      }
      return { scores: [...scores.values()], curvature };
    };
    const { scores, curvature } = at(0);
    const sum = scores.reduce((a, b) => a + b, 0);
    const noise = (scores.reduce((a, b) => a + b * b, 0) * scores.length) / (scores.length - 1);
    const variance = noise / curvature ** 2;
    let best = 0;
    for (let step = 0; step < 8; step++)
      best += at(best).scores.reduce((a, b) => a + b, 0) / at(best).curvature;
    return { mean, step: sum / curvature, variance, best };
  });
  const precision = parts.reduce((sum, { variance }) => sum + 1 / variance, 0);
  const prior = (parts.reduce((sum, { step, variance }) => sum + step ** 2 / variance, 0) - 3) / precision;
  expect(prior).toBeGreaterThan(0);
  for (const [segment, { mean, variance, best }] of parts.entries()) {
    const deviation = segments!.weights[segment]! - weight;
    // Equal but for the curvature, which is not quite that at the common weight.
    expect(deviation / ((best * prior) / (prior + variance))).toBeCloseTo(1, 1);
    expect(segments!.biases[segment]).toBeCloseTo(bias! - deviation * mean, 12);
  }
});

test("weights by segment without what divides the rows are a user's mistake", () => {
  const { signals, ...answers } = byItem(200, [1, 0, 0], 3);
  const ofNobody = expect.objectContaining({ code: "routing/bad-rule" });
  expect(() => fitMix("addLogitsBySegment", answers)).toThrow(ofNobody);
  const { historyLengths } = signals;
  expect(() => fitMix("addLogitsBySegment", { ...answers, signals: { historyLengths } })).toThrow(ofNobody);
  const segments = {
    divisions: [{ by: "itemEvents", ends: [0, 99] }],
    weights: [1, 0, 0],
    biases: [0, 0, 0],
  } as const;
  const rule: MixRule = { kind: "addLogits", weight: 0, segments };
  const { pCrm, pLlm } = answers;
  expect(() => mix(pCrm, pLlm, all(200), rule)).toThrow(ofNobody);
  expect(() =>
    mix(pCrm, pLlm, all(200), { ...rule, segments: { ...segments, weights: [1] } }, signals),
  ).toThrow(ofNobody);
});
