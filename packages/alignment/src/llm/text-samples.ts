import type { Batch } from "@corella/engine";
import { cutPrompt, packedFeeds, paddedFeeds } from "@corella/llm";
import type { LlmTuningConfig } from "../config/stages-config.ts";
import { randomSubset } from "../data.ts";
import type { StageInputs } from "../run.ts";
import { renderPrompts, type Asking } from "./asking.ts";
import { lengthBucketedPlan, type BatchPlan } from "./batch-plan.ts";
import { randomRuns, renderRun, targetRuns } from "./target-runs.ts";

/** Tokenised prompts of rows, in the order of the rows. */
export interface TextSamples {
  readonly rows: Uint32Array;
  readonly tokens: readonly ArrayLike<number>[];
  /** Places of the samples that share a history and come in one batch; absent where each has its own. */
  readonly runs?: readonly Uint32Array[];
}

/**
 * A random part of the training rows as prompts.
 * @param size samples, at least where several targets share a history
 * @param purpose names the random choice: another purpose chooses other rows
 */
export async function textSamples(
  { config, data }: StageInputs,
  { tokenizer, prompt, answers }: Asking,
  size: number,
  purpose: string,
): Promise<TextSamples> {
  const { train } = data.split;
  const { targetsPerHistory } = config.llm;
  const encode = (prompts: readonly string[]): Promise<number[][]> =>
    tokenizer.encodeBatch(prompts.map((text) => cutPrompt(text, answers)));
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

/** The samples at some places as inputs of the LLM, named `llm.`. */
export function llmFeeds(samples: TextSamples, positions: Uint32Array): Batch {
  const sequences = Array.from(positions, (position) => samples.tokens[position]!);
  const feeds = samples.runs === undefined ? paddedFeeds(sequences) : packedFeeds(sequences);
  return Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [`llm.${name}`, feed]));
}

/** Batches of samples of similar length; those that share a history stay together. */
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
