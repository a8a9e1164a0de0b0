import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProgressListener } from "@corella/engine";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { train, type TrainingResult } from "../train.ts";

/** All stages in seconds, on a small log. */
export const smallConfig: RunConfig = parseRunConfig(
  {
    name: "test",
    seed: 5,
    ...smallData,
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
    t5: { vocabularySize: 400, hiddenSize: 16, layers: 1, heads: 2, feedForwardSize: 32 },
    textTower: { vocabularySize: 300, hiddenSize: 16, layers: 1, feedForwardSize: 32, maxTokens: 220 },
    tallrec: { shots: 32, epochs: 2, maxTokens: 320 },
    stages: {
      warmUp: { epochs: 12, batchSize: 64, learningRate: 0.02, patience: 24 },
      joint: { samples: 64, batchSize: 16, projection: { width: 8 } },
      llmAlone: { samples: 64, batchSize: 16 },
      contrastive: { samples: 64, batchSize: 16, width: 8, subspaces: 2 },
      p5: { samples: 96, batchSize: 16, candidates: 4 },
    },
  },
  "test.yaml",
);

/** A configuration whose prompts tell events as questions with their answers, so that one pass asks about many. */
export function denseConfig(config: RunConfig, question: string): RunConfig {
  return {
    ...config,
    prompt: {
      ...config.prompt,
      template: "{{user_history}}{{target_item}}:",
      historyItem: `${question}: {{"Yes" if liked else "No"}}`,
      target: question,
      separator: "",
      emptyHistory: "",
      historyLength: 4,
      historyHop: 2,
    },
    llm: { ...config.llm, supervision: "dense" },
  };
}

const dataFolder: Promise<string> = mkdtemp(join(tmpdir(), "corella-data-")).then(async (folder) => {
  await writeSmallData(folder);
  return folder;
});

export interface SmallRunOptions {
  readonly listener?: ProgressListener;
  readonly signal?: AbortSignal;
  /** Default: a new one. */
  readonly folder?: string;
}

/** Trains a configuration on the small log. */
export async function smallRun(
  config: RunConfig = smallConfig,
  { folder, ...options }: SmallRunOptions = {},
): Promise<{ folder: string; result: TrainingResult }> {
  const runFolder = folder ?? (await mkdtemp(join(tmpdir(), "corella-run-")));
  const baseFolder = await dataFolder;
  const result = await train(config, {
    baseFolder,
    runFolder,
    cacheFolder: join(baseFolder, "cache"),
    configText: "name: test\n",
    ...options,
  });
  return { folder: runFolder, result };
}

/** Trains a configuration and interrupts every phase once, after two steps; gives the phases and the bundle's manifest. */
export async function interruptedRun(config: RunConfig): Promise<{ phases: string[]; manifest: string }> {
  const folder = await mkdtemp(join(tmpdir(), "corella-run-"));
  const phases = new Set<string>();
  for (;;) {
    const abort = new AbortController();
    const listener: ProgressListener = {
      stepDone(phase, step) {
        if (phase === "scoring" || step !== 2 || phases.has(phase)) return;
        phases.add(phase);
        abort.abort();
      },
    };
    try {
      const { result } = await smallRun(config, { listener, signal: abort.signal, folder });
      return { phases: [...phases], manifest: await manifestOf(result) };
    } catch (error) {
      if ((error as { code?: unknown }).code !== "train/interrupted") throw error;
    }
  }
}

/** Sizes and hashes of all files of a run's bundle. */
export function manifestOf({ bundleFolder }: TrainingResult): Promise<string> {
  return readFile(join(bundleFolder, "manifest.json"), "utf8");
}
