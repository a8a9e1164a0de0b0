import { loadPredictor, openBundle } from "@corella/bundle";
import type { ProgressListener } from "@corella/engine";
import { recordAt } from "@corella/modality";
import { beforeAll, describe, expect, test } from "vitest";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import { probabilitiesOf } from "../predictions.ts";
import type { TrainingResult } from "../train.ts";
import { interruptedRun, manifestOf, smallConfig, smallRun } from "./small-run.test-helper.ts";

describe.each([
  ["crm-only", "crm", ["crm"]],
  ["llm-only", "llm", ["stage-0", "llm"]],
] as const)("the recipe %s", (recipe, model, phases) => {
  const config: RunConfig = { ...smallConfig, recipe };
  let result: TrainingResult;

  beforeAll(async () => {
    ({ result } = await smallRun(config));
  });

  test("trains its model and nothing else", () => {
    expect(result.phases.map(({ name }) => name)).toEqual(phases);
    expect(result.test.predictions.map(({ name }) => name)).toEqual([model]);
    expect(result.served).toBe(model);
    expect(result).not.toHaveProperty("baseline");
  });

  test("ends with the same bundle when every phase was interrupted", async () => {
    const interrupted = await interruptedRun(config);
    expect(interrupted.phases).toEqual(phases);
    expect(interrupted.manifest).toBe(await manifestOf(result));
  });

  test("has a bundle of this model, which predicts what the run predicted", async () => {
    const bundle = await openBundle(result.bundleFolder);
    expect(bundle.recipe).toBe(recipe);
    expect(bundle.models).toEqual([model]);
    const predictor = await loadPredictor(bundle);
    const answers = await predictor.score(
      Array.from(result.test.rows, (row) => recordAt(result.data.log, row)),
    );
    await predictor.dispose();
    const expected = probabilitiesOf(result.test, model)!;
    for (const [i, { probability, route }] of answers.entries()) {
      expect(probability).toBeCloseTo(expected[i]!, 6);
      expect(route).toBe(model);
    }
  });
});

test("the CRM alone is the CRM after stage 1 of both together, to the bit", async () => {
  const alone = await smallRun({ ...smallConfig, recipe: "crm-only" });
  const together = await smallRun();
  expect(probabilitiesOf(alone.result.test, "crm")).toEqual(
    probabilitiesOf(together.result.test, "crm-stage-1"),
  );
});

test("the LLM alone fits no features: nothing is counted for it", async () => {
  const unknown = { name: "x", type: "statistic", value: "mean", by: "item.nothing" } as const;
  const config: RunConfig = { ...smallConfig, recipe: "llm-only", features: [unknown] };
  const { result } = await smallRun(config);
  expect(() => result.data.featureMap).toThrow(
    expect.objectContaining({ code: "features/unknown-attribute" }),
  );
});

test("the LLM alone learns under the loss over the whole vocabulary too", async () => {
  const { result } = await smallRun({
    ...smallConfig,
    recipe: "llm-only",
    llm: { ...smallConfig.llm, loss: "answer" },
  });
  // Among 400 tokens that it has hardly learned the model chooses worse than among two.
  expect(result.phases[1]!.losses[0]![1]).toBeGreaterThan(2);
});

describe("a configuration", () => {
  const { data, llm, stages } = smallConfig;

  test("of the LLM alone needs no features", () => {
    const config = parseRunConfig({ recipe: "llm-only", data, llm }, "test.yaml");
    expect(config.features).toEqual([]);
    expect(() => parseRunConfig({ recipe: "crm-only", data }, "test.yaml")).toThrow(
      expect.objectContaining({ code: "config/invalid", message: expect.stringContaining("one feature") }),
    );
  });

  test("of an unknown recipe is refused with the nearest one", () => {
    expect(() => parseRunConfig({ recipe: "crm_only", data, stages }, "test.yaml")).toThrow(
      expect.objectContaining({ code: "config/invalid", message: expect.stringContaining("crm-only") }),
    );
  });

  test.each([
    ["crm-only", { data: { ...data, label: { threshold: 100 } } }, "crm/one-class"],
    ["crm-only", { data: { ...data, split: { kind: "time", shares: [0.8, 0.2, 0] } } }, "config/no-test"],
    ["llm-only", { prompt: { ...smallConfig.prompt, retrieval: "crm" } }, "config/retrieval"],
    [
      "llm-only",
      { stages: { ...stages, llmAlone: { ...stages.llmAlone, accumulate: 9 } } },
      "config/accumulate",
    ],
  ])("that %s cannot train is refused before the first phase: %o", async (recipe, change, code) => {
    const started: string[] = [];
    const listener: ProgressListener = { phaseStarted: ({ name }) => started.push(name) };
    const config = { ...smallConfig, ...change, recipe } as RunConfig;
    await expect(smallRun(config, { listener })).rejects.toMatchObject({ code });
    expect(started).toEqual([]);
  });
});
