import { logLoss } from "@corella/metrics";
import { expect, test } from "vitest";
import { drawn, uniform } from "./drawn.test-helper.ts";
import { fitRouter, route, routeAndMix, type RoutingPolicy } from "./index.ts";

/** The LLM knows much of the half of the samples whose history is short, and says nothing of the others. */
function short(count: number, seed: number) {
  const next = uniform(seed);
  const historyLengths = Uint32Array.from({ length: count }, () => Math.floor(31 * next()));
  const { pCrm, pLlm, labels } = drawn({ count, weight: 1, llm: { mean: 0, spread: 1.5 }, seed });
  // Where the LLM is not to know, it answers for another sample.
  const answers = pLlm.map((p, row) => (historyLengths[row]! < 10 ? p : pLlm[(row + 1) % count]!));
  return { pCrm: Float32Array.from(pCrm), pLlm: Float32Array.from(answers), labels, historyLengths };
}

test("where the gain depends on the history's length, the learned policy beats entropy on other samples", () => {
  const validation = short(2000, 3);
  const { historyLengths } = validation;
  const settings = { share: 0.3, mix: "addLogits" } as const;
  const byEntropy = fitRouter(validation, settings);
  const learned = fitRouter(validation, { ...settings, learnFrom: { historyLengths, longestHistory: 30 } });
  expect(learned.policy.kind).toBe("gain");
  expect(learned.advantage!.mean).toBeGreaterThan(2 * learned.advantage!.standardError);
  const later = short(4000, 77);
  const lossOf = ({ policy, rule }: typeof learned): number =>
    logLoss(routeAndMix(later.pCrm, later.pLlm, policy, rule, later).probabilities, later.labels);
  expect(lossOf(learned)).toBeLessThan(lossOf(byEntropy) - 0.01);
  const { toLlm } = route(later.pCrm, learned.policy, later);
  expect(toLlm.length / 4000).toBeCloseTo(0.3, 1);
  const isShort = toLlm.filter((row) => later.historyLengths[row]! < 10);
  expect(isShort.length / toLlm.length).toBeGreaterThan(0.9);
  // The curve is of the learned order: the same share brings more.
  const at = (fit: typeof learned) => fit.curve.points.find(({ share }) => share === 0.3)!.gain.mean;
  expect(at(learned)).toBeGreaterThan(at(byEntropy) + 0.01);
});

test("where nothing but entropy tells, or nothing at all, it falls back to entropy", () => {
  for (const weight of [0, 1]) {
    const { pCrm, pLlm, labels } = drawn({ count: 800, weight, seed: 5 });
    const next = uniform(9);
    const learnFrom = { historyLengths: pCrm.map(() => Math.floor(31 * next())), longestHistory: 30 };
    const fit = fitRouter({ pCrm, pLlm, labels }, { share: 0.3, mix: "replace", learnFrom });
    const { advantage, policy } = fit;
    if (advantage!.mean <= advantage!.standardError) expect(policy.kind).toBe("threshold");
    if (weight === 0) expect(policy.kind).toBe("threshold");
  }
});

test("longer histories count as the longest, each row is routed by itself, and a share of 1 asks about all", () => {
  const validation = short(400, 3);
  const learnFrom = { historyLengths: validation.historyLengths, longestHistory: 15 };
  const { hard } = fitRouter(validation, { share: 1, mix: "addLogits", learnFrom });
  expect(route(validation.pCrm, hard, validation).toLlm).toHaveLength(400);
  const model = { longestHistory: 15, coefficients: [0.1, 0.2, -0.1, 0.3, -0.4, -0.05] };
  const policy: RoutingPolicy = { kind: "gain", above: 0.05, model };
  const cut = validation.historyLengths.map((length) => Math.min(length, 15));
  const { toLlm } = route(validation.pCrm, policy, validation);
  expect(route(validation.pCrm, policy, { historyLengths: cut }).toLlm).toEqual(toLlm);
  expect(toLlm.length).toBeGreaterThan(20);
  expect(toLlm.length).toBeLessThan(380);
  const alone = [...validation.pCrm.keys()].filter((row) => {
    const one = { historyLengths: [validation.historyLengths[row]!] };
    return route(validation.pCrm.slice(row, row + 1), policy, one).toLlm.length === 1;
  });
  expect(alone).toEqual([...toLlm]);
  // e = 1 at p = 1/2, h = 1: .1 + .2 - .1 + .3 - .4 - .05 = .05, above .0499 but not above .0501
  const half = (above: number) =>
    route(Float32Array.of(0.5), { ...policy, above }, { historyLengths: [99] }).toLlm.length;
  expect([half(0.0499), half(0.0501)]).toEqual([1, 0]);
});

test("a learned policy without its signals, or with a model of another size, is a user's mistake", () => {
  const policy: RoutingPolicy = { kind: "gain", above: 0, model: { longestHistory: 5, coefficients: [1] } };
  for (const signals of [undefined, { historyLengths: [3] }])
    expect(() => route(Float32Array.of(0.5), policy, signals)).toThrow(
      expect.objectContaining({ code: "routing/bad-policy" }),
    );
});
