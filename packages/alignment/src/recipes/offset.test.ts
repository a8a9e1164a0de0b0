import { crmOf, openBundle, openCrmLane } from "@corella/bundle";
import { createRuntime } from "@corella/engine";
import { recordAt } from "@corella/modality";
import { beforeAll, expect, test } from "vitest";
import type { RunConfig } from "../config/config.ts";
import { crmLogits } from "../crm/crm-logits.ts";
import { probabilitiesOf } from "../predictions.ts";
import type { TrainingResult } from "../train.ts";
import { prefixed } from "../values.ts";
import { interruptedRun, manifestOf, smallConfig, smallRun } from "./small-run.test-helper.ts";

const config: RunConfig = {
  ...smallConfig,
  stages: {
    ...smallConfig.stages,
    llmAlone: {
      ...smallConfig.stages.llmAlone,
      offset: "crm",
      validationsPerEpoch: 2,
      validationSamples: 50,
      learningRate: 1e-6,
    },
  },
};

let whole: TrainingResult;

beforeAll(async () => {
  whole = (await smallRun(config)).result;
});

test("the LLM learns what to add to the CRM's logit, and the table says that it is no answer", async () => {
  const plain = (await smallRun()).result;
  expect(probabilitiesOf(whole.test, "crm")).toEqual(probabilitiesOf(plain.test, "crm"));
  expect(probabilitiesOf(whole.test, "llm")).not.toEqual(probabilitiesOf(plain.test, "llm"));
  expect(whole.test.predictions.map(({ name, title }) => [name, title])).toEqual([
    ["crm-stage-1", "CRM after stage 1"],
    ["crm", "CRM after stage 2"],
    ["llm", "the LLM's correction alone"],
    ["add-logits", "CoReLLa, adding logits"],
  ]);
});

test("interrupted in every phase, a run ends with the same bundle", async () => {
  const { phases, manifest } = await interruptedRun(config);
  expect(phases).toEqual(["stage-1", "stage-0", "stage-2", "stage-3-crm", "stage-3"]);
  expect(manifest).toBe(await manifestOf(whole));
});

test("the stage is validated with what it adds to, and keeps the best", async () => {
  const { validations, best } = whole.phases.find(({ name }) => name === "stage-3")!;
  expect(validations.map(({ step }) => step)).toEqual([0, 2, 4]);
  // An LLM that hardly moves has the CRM's AUC, where it would have .5 alone.
  for (const { score } of validations) expect(score).toBeGreaterThan(0.6);
  expect(validations).toContainEqual(best);
});

test("logits of rows are those of the CRM that serves", async () => {
  const { data, bundleFolder } = whole;
  const bundle = await openBundle(bundleFolder);
  const { values, featureMap } = await bundle.crm();
  const rows = data.split.test.slice(0, 50);
  const crm = crmOf(config.crm, featureMap);
  const run = { data, runtime: await createRuntime() };
  const logits = await crmLogits(run, crm, prefixed(values, "crm."), rows);
  const lane = await openCrmLane(bundle);
  const served = await lane.score(Array.from(rows, (row) => recordAt(data.log, row)));
  await lane.dispose();
  for (const [i, row] of rows.entries())
    expect(Math.abs(1 / (1 + Math.exp(-logits.get(row)!)) - served[i]!)).toBeLessThan(1e-6);
});
