import { boundaryShift } from "@corella/routing";
import { expect, test } from "vitest";
import {
  aucCards,
  confidenceGroupAuc,
  confidenceSections,
  entropyHistogram,
  evaluateModels,
} from "../index.ts";
import { sample } from "../sample.test-helper.ts";

const { models, labels, entropy } = sample(90);
const [crm, llm] = [models[1]!.probabilities, models[2]!.probabilities];

test("the sections are those of the CRM's entropy, with the threshold of a policy that has one", () => {
  const policy = { kind: "threshold", entropy: 0.6 } as const;
  expect(confidenceSections({ crm, llm, policy, models, labels })).toEqual({
    confidenceGroups: confidenceGroupAuc(models, entropy, labels),
    entropyHistogram: entropyHistogram(entropy, 0.6),
    boundary: boundaryShift(crm, llm, labels),
  });
});

test("without an LLM there is no boundary, and without a CRM nothing", () => {
  const parts = { policy: undefined, models, labels };
  expect(Object.keys(confidenceSections({ ...parts, crm, llm: undefined }))).toEqual([
    "confidenceGroups",
    "entropyHistogram",
  ]);
  expect(confidenceSections({ ...parts, crm: undefined, llm })).toEqual({});
});

test("cards are of the models that are there", () => {
  const evaluation = evaluateModels(models, labels, { samples: 5 });
  const { name, title, auc } = evaluation.rows[1]!;
  expect(aucCards(evaluation, [name, "absent"])).toEqual([
    { label: `AUC of ${title}`, value: auc.estimate.toFixed(4) },
  ]);
});
