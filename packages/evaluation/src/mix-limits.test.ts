import { auc, logLoss } from "@corella/metrics";
import { createGenerator } from "@corella/random";
import { expect, test } from "vitest";
import { mixLimits, mixLimitsTable } from "./mix-limits.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Two models that each see one of two causes, and the labels that both make. */
function twoCauses(count: number) {
  const { normal, uniform } = createGenerator(3, "mix-limits");
  const [crm, llm, labels] = [new Float32Array(count), new Float32Array(count), new Float32Array(count)];
  for (let i = 0; i < count; i++) {
    const [a, b] = [normal(), normal()];
    crm[i] = sigmoid(a);
    llm[i] = sigmoid(2 * b);
    labels[i] = uniform() < sigmoid(a + b) ? 1 : 0;
  }
  return { crm, llm, labels };
}

test("no weight does better than the best one, which is what made the labels", () => {
  const answers = twoCauses(4000);
  const limits = mixLimits(answers);
  // The LLM's logit is 2 b, and the labels hold b once.
  expect(limits.bestWeight).toBeGreaterThan(0.4);
  expect(limits.bestWeight).toBeLessThan(0.6);
  expect(limits.bestAdding.auc).toBeGreaterThan(limits.aucCrm + 0.05);
  expect(Math.abs(limits.logitCorrelation)).toBeLessThan(0.05);
  const { crm, llm, labels } = answers;
  const at = (weight: number): number =>
    logLoss(
      crm.map((p, i) => sigmoid(Math.log(p / (1 - p)) + weight * Math.log(llm[i]! / (1 - llm[i]!)))),
      labels,
    );
  for (const weight of [0, 0.3, 0.5, 0.7, 1])
    expect(at(weight)).toBeGreaterThanOrEqual(limits.bestAdding.logLoss - 1e-7);
});

test("always the nearer answer is the bound of replacing", () => {
  const { crm, llm, labels } = twoCauses(500);
  const { bestReplacing } = mixLimits({ crm, llm, labels });
  const nearer = labels.map((label, i) => (label === 1 ? Math.max : Math.min)(crm[i]!, llm[i]!));
  expect(bestReplacing.auc).toBeCloseTo(auc(nearer, labels), 6);
  expect(bestReplacing.logLoss).toBeCloseTo(logLoss(nearer, labels), 6);
});

test("an LLM that repeats the CRM, or says the same of all, brings nothing", () => {
  const { crm, labels } = twoCauses(500);
  const same = mixLimits({ crm, llm: crm, labels });
  expect(same.errorCorrelation).toBeCloseTo(1, 6);
  expect(same.bestAdding.auc).toBe(same.aucCrm);
  const constant = mixLimits({ crm, llm: crm.map(() => 0.7), labels });
  expect(constant.bestWeight).toBe(0);
  expect(constant.bestAdding.auc).toBe(constant.aucCrm);
});

test("the table has a record for each figure", () => {
  const { rows, records } = mixLimitsTable("limits", "Limits", [mixLimits(twoCauses(300))], "");
  expect(rows).toHaveLength(records.length);
  expect(records.find(({ figure }) => figure === "errorCorrelation")!["value"]).toBeTypeOf("number");
});
