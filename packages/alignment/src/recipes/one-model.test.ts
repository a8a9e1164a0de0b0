import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPredictor, openBundle } from "@corella/bundle";
import type { ProgressListener } from "@corella/engine";
import { recordAt } from "@corella/modality";
import { createGenerator } from "@corella/random";
import { beforeAll, describe, expect, test } from "vitest";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import { probabilitiesOf } from "../predictions.ts";
import { writeSmallData } from "../small-data.test-helper.ts";
import { train, type TrainingResult } from "../train.ts";
import { interruptedRun, manifestOf, smallConfig, smallRun } from "./small-run.test-helper.ts";

describe.each([
  ["crm-only", "crm", ["crm"]],
  ["llm-only", "llm", ["stage-0", "llm"]],
  ["ctrl", "crm", ["contrastive", "crm-aligned"]],
  ["tallrec", "llm", ["stage-0", "llm"]],
  ["p5", "llm", ["p5"]],
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

  test("has the importance of its CRM's features", () => {
    const names = result.importance?.features.map(({ name }) => name);
    expect(names).toEqual(model === "crm" ? ["user", "item", "past"] : undefined);
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

test("importance tells what decides from noise, the same in every run", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-importance-"));
  const random = createGenerator(2, "made log");
  const kinds = Array.from({ length: 60 }, () => random.integer(4));
  const rows = Array.from({ length: 2000 }, (_, row) => {
    const item = random.integer(60);
    const liked = random.uniform() < [0.05, 0.3, 0.7, 0.95][kinds[item]!]!;
    return `${random.integer(40)},${item},${liked ? 5 : 1},${1000 + row}`;
  });
  await writeFile(join(folder, "ratings.csv"), rows.join("\n"));
  await writeFile(
    join(folder, "items.csv"),
    kinds.map((kind, item) => `${item},kind ${kind},${random.integer(4)}`).join("\n"),
  );
  const config = parseRunConfig(
    {
      recipe: "crm-only",
      data: {
        source: {
          ratings: { path: "ratings.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } },
          items: { path: "items.csv", columns: { item: 0, kind: 1, noise: 2 } },
        },
        label: { threshold: 4 },
      },
      features: [
        { name: "noise", type: "categorical", field: "item.noise" },
        { name: "kind", type: "categorical", field: "item.kind" },
        { name: "pause", type: "statistic", value: "sinceLast", by: "user", encoding: "both" },
      ],
      crm: { model: "DCNv2", embeddingDim: 4, crossLayers: 1, parallelUnits: [8] },
      stages: { warmUp: { epochs: 8, batchSize: 64, learningRate: 0.02 } },
    },
    "test.yaml",
  );
  const notes: string[] = [];
  const run = async (): Promise<TrainingResult> =>
    train(config, {
      baseFolder: folder,
      runFolder: await mkdtemp(join(tmpdir(), "corella-run-")),
      configText: "",
      listener: { note: (text) => notes.push(text) },
    });
  const { importance } = await run();
  const [noise, kind, pause] = importance!.features;
  expect(importance).toMatchObject({ rows: 200, shuffles: 3 });
  expect(importance!.auc).toBeGreaterThan(0.75);
  // Without the kind the model guesses.
  expect(Math.abs(importance!.auc - kind!.auc.mean - 0.5)).toBeLessThan(0.1);
  expect(kind!.logLoss.mean).toBeGreaterThan(0.1);
  for (const feature of [noise!, pause!]) expect(Math.abs(feature.auc.mean)).toBeLessThan(0.03);
  expect((await run()).importance).toEqual(importance);
  expect(notes.filter((note) => note.startsWith("warning: The feature"))).toEqual([]);
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

test("a run does not go on with files that hold something else than when it began", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-changed-"));
  await writeSmallData(folder);
  const stages = { ...smallConfig.stages, warmUp: { ...smallConfig.stages.warmUp, epochs: 1 } };
  const begin = (): Promise<TrainingResult> =>
    train(
      { ...smallConfig, recipe: "crm-only", stages },
      { baseFolder: folder, runFolder: join(folder, "run"), configText: "" },
    );
  await begin();
  await begin(); // the same files: what is done is found
  const path = join(folder, "ratings.csv");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.split("\n").slice(1).join("\n"));
  await expect(begin()).rejects.toMatchObject({ code: "train/data-changed", place: join(folder, "run") });
  await writeFile(path, text);
  await begin();
});

describe("a configuration", () => {
  const { data, llm, stages } = smallConfig;

  test("of the LLM alone needs no features", () => {
    const config = parseRunConfig({ recipe: "llm-only", data, llm }, "test.yaml");
    expect(config.features).toBeUndefined();
    expect(() => parseRunConfig({ recipe: "crm-only", data, features: [] }, "test.yaml")).toThrow(
      expect.objectContaining({ code: "config/invalid", message: expect.stringContaining("one feature") }),
    );
  });

  test("of an unknown recipe is refused with the nearest one", () => {
    expect(() => parseRunConfig({ recipe: "crm_only", data, stages }, "test.yaml")).toThrow(
      expect.objectContaining({ code: "config/invalid", message: expect.stringContaining("crm-only") }),
    );
  });

  test.each([
    ["crm-only", { data: { ...data, label: { threshold: 100 } } }, "data/label-threshold"],
    ["crm-only", { data: { ...data, split: { kind: "time", shares: [0.8, 0.2, 0] } } }, "config/no-test"],
    ["llm-only", { prompt: { ...smallConfig.prompt, retrieval: "crm" } }, "config/retrieval"],
    [
      "llm-only",
      { stages: { ...stages, llmAlone: { ...stages.llmAlone, accumulate: 9 } } },
      "config/accumulate",
    ],
    [
      "llm-only",
      {
        stages: { ...stages, llmAlone: { ...stages.llmAlone, validationsPerEpoch: 1, validationSamples: 1 } },
      },
      "crm/one-class",
    ],
    [
      "corella",
      {
        stages: { ...stages, llmAlone: { ...stages.llmAlone, validationsPerEpoch: 1, validationSamples: 1 } },
      },
      "crm/one-class",
    ],
  ])("that %s cannot train is refused before the first phase: %o", async (recipe, change, code) => {
    const started: string[] = [];
    const listener: ProgressListener = { phaseStarted: ({ name }) => started.push(name) };
    const config = { ...smallConfig, ...change, recipe } as RunConfig;
    await expect(smallRun(config, { listener })).rejects.toMatchObject({ code });
    expect(started).toEqual([]);
  });
});
