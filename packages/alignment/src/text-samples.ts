import type { Batch, Part } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import {
  answerLoss,
  cutPrompt,
  decoder,
  packedDecoder,
  packedFeeds,
  paddedFeeds,
  type DecoderOptions,
  type DecoderOutput,
  type YesNoIds,
} from "@corella/llm";
import type { Prompt } from "@corella/modality";
import type { BaseLlm } from "./base-llm.ts";
import type { RunConfig } from "./config.ts";
import { randomSubset, renderPrompts, type PreparedData } from "./data.ts";
import { twoWay, type LlmLoss } from "./objective.ts";
import type { LlmTuningConfig } from "./stages-config.ts";
import { lengthBucketedPlan, type BatchPlan } from "./subset-batches.ts";
import { randomRuns, renderRun, targetRuns } from "./target-runs.ts";

/** Tokenised prompts of rows, in the order of the rows. */
export interface TextSamples {
  readonly rows: Uint32Array;
  readonly tokens: readonly ArrayLike<number>[];
  /** Places of the samples that share a history and come in one batch; absent where each has its own. */
  readonly runs?: readonly Uint32Array[];
}

/** The LLM as the tuning stages see it. */
export interface TunedDecoder {
  readonly part: Part<DecoderOutput>;
  readonly loss: LlmLoss;
}

/** The decoder of the tuning stages: the one that computes a history shared by several targets once, where they do. */
export function tunedDecoder(
  { targetsPerHistory, loss, recompute }: RunConfig["llm"],
  base: Pick<BaseLlm, "config">,
  options: DecoderOptions,
): TunedDecoder {
  const create = targetsPerHistory > 1 ? packedDecoder : decoder;
  return {
    part: create(base.config, { ...options, recompute }),
    loss: loss === "answer" ? (output, labels) => answerLoss(output, labels, options.answers) : twoWay,
  };
}

/** A random part of the training rows as prompts. */
export async function textSamples(
  config: RunConfig,
  data: PreparedData,
  base: Pick<BaseLlm, "tokenizer">,
  prompt: Prompt,
  answers: YesNoIds,
  size: number,
  purpose: string,
): Promise<TextSamples> {
  const { train } = data.split;
  const { targetsPerHistory } = config.llm;
  const encode = (prompts: readonly string[]): Promise<number[][]> =>
    base.tokenizer.encodeBatch(prompts.map((text) => cutPrompt(text, answers)));
  if (targetsPerHistory === 1) {
    const rows = randomSubset(train, size, config.seed, purpose);
    return { rows, tokens: await encode(renderPrompts(data, prompt, rows)) };
  }
  const chosen = randomRuns(targetRuns(data.log, train, targetsPerHistory), size, config.seed, purpose);
  let next = 0;
  return {
    rows: Uint32Array.from(chosen.flatMap((run) => [...run])),
    tokens: await encode(chosen.flatMap((run) => renderRun(data, prompt, run))),
    runs: chosen.map((run) => run.map(() => next++)),
  };
}

/** The samples at some places as inputs of the LLM. */
export function llmFeeds(samples: TextSamples, positions: Uint32Array): Batch {
  const sequences = Array.from(positions, (position) => samples.tokens[position]!);
  const feeds = samples.runs === undefined ? paddedFeeds(sequences) : packedFeeds(sequences);
  return Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [`llm.${name}`, feed]));
}

/**
 * Refuses an update of more batches than a stage has.
 * @param rows of the training part
 * @throws CorellaError `config/accumulate`
 */
export function requireUpdates({ llm, stages }: Pick<RunConfig, "llm" | "stages">, rows: number): void {
  for (const stage of ["joint", "llmAlone"] as const) {
    const { samples, epochs, accumulate } = stages[stage];
    // Targets of one history come in one batch.
    const batchSize = Math.max(stages[stage].batchSize, llm.targetsPerHistory);
    const used = Math.min(samples, rows);
    const batches = Math.ceil(used / batchSize) * epochs;
    if (batches >= accumulate) continue;
    throw new CorellaError({
      code: "config/accumulate",
      message: `An update takes ${accumulate} batches, and ${used} samples in batches of ${batchSize} make ${batches}.`,
      place: `stages.${stage}.accumulate`,
      remedy: `Accumulate at most ${batches}, or choose smaller batches or more samples.`,
    });
  }
}

/** Batches of samples of similar length; runs stay whole. */
export function llmPlan(
  { tokens, runs }: TextSamples,
  { batchSize, epochs }: Pick<LlmTuningConfig, "batchSize" | "epochs">,
  seed: number,
  purpose: string,
): BatchPlan {
  const lengths = tokens.map(({ length }) => length);
  if (runs === undefined) return lengthBucketedPlan(lengths, batchSize, epochs, seed, purpose);
  const longest = runs.reduce((most, run) => Math.max(most, run.length), 1);
  const ofRuns = runs.map((run) => lengths[run[0]!]!);
  const perBatch = Math.max(1, Math.floor(batchSize / longest));
  const plan = lengthBucketedPlan(ofRuns, perBatch, epochs, seed, purpose);
  return {
    steps: plan.steps,
    at: (step) => Uint32Array.from(Array.from(plan.at(step)).flatMap((run) => [...runs[run]!])),
  };
}
