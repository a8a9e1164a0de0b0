import type { TrainedPhase } from "@corella/alignment";
import { expect, test } from "vitest";
import { costOf } from "./cost.ts";

const minute = 60_000;
const phase = (name: string, ms: number | undefined): TrainedPhase => ({
  name,
  title: name,
  ms,
  steps: 1,
  losses: [],
  terms: {},
  validations: [],
  best: undefined,
  values: {},
});
const phases = [
  phase("stage-0", minute),
  phase("stage-1", 2 * minute),
  phase("stage-2", 4 * minute),
  phase("stage-3", 8 * minute),
];
const msPerSample = { crmWarm: 2, crm: 2, llm: 30 };

test("each model costs the phases it comes from, and the time of those that are asked", () => {
  const of = (name: string, shareToLlm: number) => costOf({ phases, msPerSample }, { name, shareToLlm }, 1.8);
  expect(of("crm-stage-1", 0)).toMatchObject({ trainingMinutes: 2, msPerSample: 2 });
  expect(of("crm", 0)).toMatchObject({ trainingMinutes: 7, msPerSample: 2 });
  expect(of("llm", 1)).toMatchObject({ trainingMinutes: 15, msPerSample: 30 });
  // A tenth of the samples also waits for the LLM: 2 + 3 ms; 5 s for a thousand of an hour at 1.80
  expect(of("add-logits", 0.1)).toEqual({
    trainingMinutes: 15,
    msPerSample: 5,
    moneyPer1000: expect.closeTo((1.8 * 5) / 3600, 12),
  });
});

test("a CRM that learned from the LLM costs all that made the LLM; before it did, it does not", () => {
  const distilled = [...phases, phase("distil", 16 * minute)];
  const of = (name: string) => costOf({ phases: distilled, msPerSample }, { name, shareToLlm: 0 }, undefined);
  expect(of("crm")).toMatchObject({ trainingMinutes: 31, msPerSample: 2 });
  expect(of("crm-stage-2")).toMatchObject({ trainingMinutes: 7, msPerSample: 2 });
});

test("a CRM alone has the one phase of its recipe; what a resumed run took is not known; money needs a price", () => {
  const alone = { phases: [phase("crm", 3 * minute)], msPerSample: { crm: 1 } };
  expect(costOf(alone, { name: "crm", shareToLlm: 0 }, undefined)).toEqual({
    trainingMinutes: 3,
    msPerSample: 1,
  });
  const resumed = { phases: [...phases.slice(0, 3), phase("stage-3", undefined)], msPerSample };
  expect(costOf(resumed, { name: "llm", shareToLlm: 1 }, undefined)).toEqual({ msPerSample: 30 });
  expect(costOf(resumed, { name: "crm", shareToLlm: 0 }, undefined)).toHaveProperty("trainingMinutes", 7);
});
