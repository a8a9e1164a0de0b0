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
  const settings = { share: 0.3, mix: "addLogits" } as const;
  const byEntropy = fitRouter(validation, settings);
  const learned = fitRouter(
    { ...validation, signals: validation },
    { ...settings, learn: { longestHistory: 30 } },
  );
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
    const signals = { historyLengths: pCrm.map(() => Math.floor(31 * next())) };
    const learn = { longestHistory: 30 };
    const fit = fitRouter({ pCrm, pLlm, labels, signals }, { share: 0.3, mix: "replace", learn });
    const { advantage, policy } = fit;
    if (advantage!.mean <= advantage!.standardError) expect(policy.kind).toBe("threshold");
    if (weight === 0) expect(policy.kind).toBe("threshold");
  }
});

test("longer histories count as the longest, each row is routed by itself, and a share of 1 asks about all", () => {
  const validation = short(400, 3);
  const learn = { longestHistory: 15 };
  const answers = { ...validation, signals: { historyLengths: validation.historyLengths } };
  const { hard } = fitRouter(answers, { share: 1, mix: "addLogits", learn });
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

test("a count that tells where the LLM knows more is learned from, and one that is not there is asked for", () => {
  const drawnShort = (count: number, seed: number) => {
    const { historyLengths: itemEvents, ...answers } = short(count, seed);
    return { ...answers, signals: { historyLengths: new Uint8Array(count), itemEvents } };
  };
  const validation = drawnShort(2000, 3);
  const { policy, rule } = fitRouter(validation, {
    share: 0.3,
    mix: "addLogits",
    learn: { longestHistory: 30 },
  });
  expect(policy).toMatchObject({ kind: "gain", model: { counts: [{ of: "itemEvents", most: 30 }] } });
  const later = drawnShort(4000, 77);
  const { toLlm } = routeAndMix(later.pCrm, later.pLlm, policy, rule, later.signals);
  const isShort = toLlm.filter((row) => later.signals.itemEvents[row]! < 10);
  expect(toLlm.length / 4000).toBeCloseTo(0.3, 1);
  expect(isShort.length / toLlm.length).toBeGreaterThan(0.9);
  expect(() => route(later.pCrm, policy, { historyLengths: later.signals.historyLengths })).toThrow(
    expect.objectContaining({ code: "routing/bad-policy", message: expect.stringContaining("itemEvents") }),
  );
});

test("a model of counts reads them after entropy and history, larger ones as the largest", () => {
  const counts = [
    { of: "userEvents", most: 99 },
    { of: "itemEvents", most: 9 },
  ] as const;
  // e = 1 at p = 1/2; h = 0; the user's 9 of 99 events are 1/2, the item's 20 of at most 9 are 1.
  const coefficients = [0.1, 0.2, 0.3, 5, 6, 7, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
  const gain = 0.1 + 0.2 + 0.3 + 0.4 / 2 + 0.5 / 4 + 0.6 / 2 + 0.7 + 0.8 + 0.9;
  const asked = (above: number): number =>
    route(
      Float32Array.of(0.5),
      { kind: "gain", above, model: { longestHistory: 5, counts, coefficients } },
      { historyLengths: [0], userEvents: [9], itemEvents: [20] },
    ).toLlm.length;
  expect([asked(gain - 1e-4), asked(gain + 1e-4)]).toEqual([1, 0]);
});

test("a learned policy without its signals, or with a model of another size, is a user's mistake", () => {
  const policy: RoutingPolicy = { kind: "gain", above: 0, model: { longestHistory: 5, coefficients: [1] } };
  for (const signals of [undefined, { historyLengths: [3] }])
    expect(() => route(Float32Array.of(0.5), policy, signals)).toThrow(
      expect.objectContaining({ code: "routing/bad-policy" }),
    );
});
