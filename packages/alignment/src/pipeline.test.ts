import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPredictor, openBundle } from "@corella/bundle";
import { createGenerator } from "@corella/engine";
import { recordAt } from "@corella/modality";
import { beforeAll, expect, test } from "vitest";
import { parseRunConfig, type RunConfig } from "./config.ts";
import { train, type TrainingResult } from "./pipeline.ts";
import { mixed } from "./predictions.ts";
import type { ProgressListener } from "./phase.ts";

/** A small log: user u likes the items of its own parity. */
async function writeData(folder: string): Promise<void> {
  const random = createGenerator(1, "log");
  const rows = Array.from({ length: 600 }, (_, row) => {
    const user = random.integer(20);
    const item = random.integer(30);
    const rating = user % 2 === item % 2 ? 4 + random.integer(2) : 1 + random.integer(3);
    return `${user},${item},${rating},${1000 + row}`;
  });
  const items = Array.from(
    { length: 30 },
    (_, item) => `${item}|${item % 2 ? "Odd" : "Even"} film ${item} (${1990 + item})`,
  );
  await writeFile(join(folder, "ratings.csv"), rows.join("\n"));
  await writeFile(join(folder, "items.csv"), items.join("\n"));
}

const config: RunConfig = parseRunConfig(
  {
    name: "test",
    seed: 5,
    data: {
      source: {
        ratings: { path: "ratings.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } },
        items: { path: "items.csv", delimiter: "|", columns: { item: 0, title: 1 }, titleYear: true },
      },
      label: { threshold: 4 },
      history: { maxLength: 5 },
    },
    features: [
      { name: "user", type: "categorical", field: "user" },
      { name: "item", type: "categorical", field: "item" },
      {
        name: "past",
        type: "sequence",
        field: "history.item",
        maxLength: 5,
        pooling: "mean",
        shareWith: "item",
      },
    ],
    prompt: { historyLength: 2 },
    crm: { model: "DCNv2", embeddingDim: 8, crossLayers: 2, parallelUnits: [16], dropout: 0.1 },
    llm: {
      base: {
        kind: "scratch",
        vocabularySize: 400,
        hiddenSize: 16,
        layers: 2,
        heads: 2,
        keyValueHeads: 1,
        feedForwardSize: 32,
        pretraining: { steps: 6, batchSize: 4, sequenceLength: 32, warmupSteps: 2 },
      },
      maxTokens: 200,
    },
    stages: {
      warmUp: { epochs: 12, batchSize: 64, learningRate: 0.02, patience: 24 },
      joint: { samples: 64, batchSize: 16, projection: { width: 8 } },
      llmAlone: { samples: 64, batchSize: 16 },
    },
  },
  "test.yaml",
);

let baseFolder = "";
let whole: { folder: string; result: TrainingResult };

async function run(
  listener: ProgressListener = {},
  signal?: AbortSignal,
  folder?: string,
): Promise<{ folder: string; result: TrainingResult }> {
  const runFolder = folder ?? (await mkdtemp(join(tmpdir(), "corella-run-")));
  const result = await train(config, {
    baseFolder,
    runFolder,
    configText: "name: test\n",
    listener,
    ...(signal ? { signal } : {}),
  });
  return { folder: runFolder, result };
}

beforeAll(async () => {
  baseFolder = await mkdtemp(join(tmpdir(), "corella-data-"));
  await writeData(baseFolder);
  whole = await run();
});

test("all phases run, and the CRM learns the rule", () => {
  expect(whole.result.phases.map(({ name }) => name)).toEqual(["stage-0", "stage-1", "stage-2", "stage-3"]);
  expect(whole.result.phases[1]!.bestScore).toBeGreaterThan(0.7);
  expect(whole.result.test.llm.every((p) => p > 0 && p < 1)).toBe(true);
});

test("the same configuration gives the same bundle, byte for byte, also when every phase was interrupted", async () => {
  const manifest = await readFile(join(whole.result.bundleFolder, "manifest.json"), "utf8");
  const folder = await mkdtemp(join(tmpdir(), "corella-run-"));
  const interrupted = new Set<string>();
  for (;;) {
    const abort = new AbortController();
    const listener: ProgressListener = {
      stepDone(phase, step) {
        if (phase === "scoring" || step !== 2 || interrupted.has(phase)) return;
        interrupted.add(phase);
        abort.abort();
      },
    };
    const outcome = await run(listener, abort.signal, folder).catch((error: unknown) => error);
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "train/interrupted" });
    else break;
  }
  expect([...interrupted]).toEqual(["stage-0", "stage-1", "stage-2", "stage-3"]);
  expect(await readFile(join(folder, "bundle/manifest.json"), "utf8")).toBe(manifest);
});

test("the bundle predicts what the run predicted, in this thread and in workers", async () => {
  const { result } = whole;
  const { test: predictions, router, data, bundleFolder } = result;
  const records = Array.from(predictions.rows, (row) => recordAt(data.log, row));
  const expected = mixed(predictions, router.policy, router.mix);
  for (const workers of [false, true]) {
    const predictor = await loadPredictor(await openBundle(bundleFolder), { workers });
    const answers = await predictor.score(records);
    await predictor.dispose();
    answers.forEach((answer, i) => {
      expect(Math.abs(answer.probability - expected.probabilities[i]!)).toBeLessThan(1e-6);
    });
    expect(answers.filter(({ route }) => route === "llm")).toHaveLength(expected.toLlm.length);
  }
});

test("several targets after one history: the whole of training", async () => {
  const several: RunConfig = {
    ...config,
    llm: { ...config.llm, targetsPerHistory: 4 },
    stages: { ...config.stages, warmUp: { ...config.stages.warmUp, epochs: 1 } },
  };
  const runFolder = await mkdtemp(join(tmpdir(), "corella-run-"));
  const { phases, test: predictions } = await train(several, {
    baseFolder,
    runFolder,
    configText: "name: test\n",
  });
  // 64 samples are at least 16 runs, of which a batch holds four; a user's last run may be shorter.
  expect(phases[3]!.steps).toBeGreaterThanOrEqual(4);
  expect(phases[3]!.steps).toBeLessThan(10);
  expect(predictions.llm.every((p) => p > 0 && p < 1)).toBe(true);
});
