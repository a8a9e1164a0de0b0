import { route, type RoutingPolicy } from "@corella/routing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLlmBudget, type LlmBudget } from "./llm-budget.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Numbers in (0, 1) like chance, but always the same. */
function chance(position: number): number {
  const x = 43_758.5453 * Math.sin(12.9898 * (position + 1));
  return x - Math.floor(x);
}

const hardOnes: RoutingPolicy = { kind: "threshold", entropy: 0.5 };

/** Sends samples one by one, ten a second, and tells which went to the LLM, with what happened to the others. */
function send(
  budget: LlmBudget,
  pCrm: Float32Array,
  { policy = hardOnes, everyMs = 100, chosen = false } = {},
): ("llm" | "refused" | "crm")[] {
  return Array.from(pCrm, (p) => {
    vi.advanceTimersByTime(everyMs);
    const { toLlm, entropy } = route(Float32Array.of(p), budget.policy ?? policy);
    const { rows, refused, settle } = budget.admit({ toLlm, entropy, chosen });
    settle?.();
    return rows.length > 0 ? "llm" : refused.length > 0 ? "refused" : "crm";
  });
}

const count = (fates: readonly string[], fate: string): number =>
  fates.filter((each) => each === fate).length;

describe("a share", () => {
  test("that suffices cuts nothing", () => {
    const pCrm = Float32Array.from({ length: 2000 }, (_, i) => chance(i));
    const { toLlm } = route(pCrm, hardOnes);
    const fates = send(createLlmBudget({ share: (1.1 * toLlm.length) / pCrm.length }), pCrm);
    expect(count(fates, "llm")).toBe(toLlm.length);
    expect(count(fates, "refused")).toBe(0);
  });

  test("that does not goes to the hardest, over single samples", () => {
    const pCrm = Float32Array.from({ length: 4000 }, (_, i) => chance(i));
    const fates = send(createLlmBudget({ share: 0.1 }), pCrm);
    const late = pCrm.slice(1000);
    const went = fates.slice(1000);
    // Uniform probabilities: the hardest tenth lies within .05 of 1 / 2; the window's threshold wavers.
    const distances = Array.from(late).flatMap((p, i) => (went[i] === "llm" ? [Math.abs(p - 0.5)] : []));
    expect(count(went, "llm") / went.length).toBeGreaterThan(0.08);
    expect(count(went, "llm") / went.length).toBeLessThan(0.11);
    expect(distances.toSorted((a, b) => a - b).at(Math.floor(0.95 * distances.length))).toBeLessThan(0.07);
  });

  test("is not earned by samples that their caller keeps from the LLM, as one that asks for readiness", () => {
    const budget = createLlmBudget({ share: 0.5 });
    const samples = (toLlm: number, chosen: boolean): number =>
      budget.admit({
        entropy: new Float32Array(100).fill(0.6),
        toLlm: Uint32Array.from({ length: toLlm }, (_, row) => row),
        chosen,
      }).rows.length;
    // What was saved, and what these earn themselves.
    expect(samples(100, true)).toBe(100);
    expect(budget.left.share).toBe(0);
    samples(0, true);
    expect(budget.left.share).toBe(0);
    samples(0, false);
    expect(budget.left.share).toBe(50);
  });

  test("property: any samples in any calls send at most their share and what was saved", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }), {
          maxLength: 40,
        }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.boolean(),
        (calls, share, ofPolicy) => {
          const budget = ofPolicy
            ? createLlmBudget({}, { kind: "budget", share })
            : createLlmBudget({ share });
          let [samples, went] = [0, 0];
          for (const call of calls) {
            const { toLlm, entropy } = route(Float32Array.from(call), { kind: "all" });
            const { rows, refused } = budget.admit({ toLlm, entropy, chosen: false });
            samples += call.length;
            went += rows.length;
            expect(went).toBeLessThanOrEqual(share * samples + Math.max(1, 100 * share) + 1e-9);
            const both = [...rows, ...refused];
            expect(new Set(both).size).toBe(both.length);
            expect(rows).toEqual(rows.toSorted());
            expect(both.every((row) => row < call.length)).toBe(true);
            if (ofPolicy) expect(refused).toHaveLength(0);
          }
        },
      ),
    );
  });
});

test("a budget policy holds over calls of one sample, and what it leaves to the CRM is not refused", () => {
  const pCrm = Float32Array.from({ length: 3000 }, (_, i) => chance(i));
  const budget = createLlmBudget({}, { kind: "budget", share: 0.2 });
  expect(budget.policy).toEqual({ kind: "all" });
  const fates = send(budget, pCrm).slice(500);
  expect(count(fates, "llm") / fates.length).toBeGreaterThan(0.17);
  expect(count(fates, "llm") / fates.length).toBeLessThan(0.21);
  expect(count(fates, "refused")).toBe(0);
  const none = createLlmBudget({}, { kind: "budget", share: 0 });
  expect(count(send(none, pCrm), "llm")).toBe(0);
});

describe("rates", () => {
  test("calls a second are kept, and go to the hardest at the rate of arrivals", () => {
    const budget = createLlmBudget({ perSecond: 2 });
    const pCrm = Float32Array.from({ length: 3000 }, (_, i) => chance(i));
    const fates = send(budget, pCrm);
    const seconds = 300;
    expect(count(fates, "llm")).toBeLessThanOrEqual(2 * (seconds + 2));
    expect(count(fates, "llm")).toBeGreaterThan(1.6 * seconds);
    // Two of ten a second: the hardest fifth lies within .1 of 1 / 2.
    const distances = Array.from(pCrm.slice(1000)).flatMap((p, i) =>
      fates[i + 1000] === "llm" ? [Math.abs(p - 0.5)] : [],
    );
    expect(distances.toSorted((a, b) => a - b).at(Math.floor(0.9 * distances.length))).toBeLessThan(0.14);
  });

  test("milliseconds a second are kept, whatever a batch turns out to cost", () => {
    const budget = createLlmBudget({ msPerSecond: 100 });
    let spentMs = 0;
    for (let i = 0; i < 3000; i++) {
      vi.advanceTimersByTime(10);
      const { toLlm, entropy } = route(Float32Array.of(0.5), { kind: "all" });
      const { rows, settle } = budget.admit({ toLlm, entropy, chosen: false });
      if (rows.length > 0) {
        const durationMs = 10 + 40 * chance(i);
        spentMs += durationMs;
        budget.observer.batch({ rows: 1, waitsMs: [0], durationMs });
      }
      settle?.();
    }
    expect(spentMs).toBeLessThan(100 * 32 + 50);
    expect(spentMs).toBeGreaterThan(100 * 27);
  });

  test("what is under way is counted before it has cost anything", () => {
    const budget = createLlmBudget({ msPerSecond: 100 });
    const ask = (): number => {
      const { toLlm, entropy } = route(new Float32Array(50).fill(0.5), { kind: "all" });
      return budget.admit({ toLlm, entropy, chosen: true }).rows.length;
    };
    expect(ask()).toBe(1);
    expect(ask()).toBe(0);
    budget.observer.batch({ rows: 1, waitsMs: [0], durationMs: 10 });
    // Of 200 ms saved 190 are left, for samples of 10 ms, one of which has not been settled.
    expect(ask()).toBe(18);
  });

  test("who asks for the LLM by name is bound by the budget, but not by how hard the sample is", () => {
    const budget = createLlmBudget({ perSecond: 5 });
    const easy = new Float32Array(40).fill(0.99);
    const fates = send(budget, easy, { policy: { kind: "all" }, everyMs: 1, chosen: true });
    expect(count(fates, "llm")).toBe(10);
    expect(count(fates, "refused")).toBe(30);
  });
});

test("a limit that is none is refused", () => {
  for (const limits of [{ share: 0 }, { share: 1.5 }, { perSecond: -1 }, { msPerSecond: NaN }])
    expect(() => createLlmBudget(limits)).toThrow(expect.objectContaining({ code: "serving/bad-limit" }));
  vi.advanceTimersByTime(10_000);
  expect(createLlmBudget({ perSecond: 3, share: 0.5 }).left).toEqual({ perSecond: 6, share: 50 });
});
