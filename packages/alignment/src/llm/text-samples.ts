import type { Batch } from "@corella/engine";
import { cutPrompt, encodeChains, packedFeeds, paddedFeeds } from "@corella/llm";
import type { Prompt } from "@corella/modality";
import type { LlmTuningConfig } from "../config/stages-config.ts";
import { randomSubset } from "../data.ts";
import type { StageInputs } from "../run.ts";
import { renderPrompts, type Asking, type CrmAnswers } from "./asking.ts";
import { lengthBucketedPlan, type BatchPlan } from "./batch-plan.ts";
import { denseWindows, renderWindow } from "./dense-windows.ts";
import { randomRuns, renderRun, targetRuns } from "./target-runs.ts";

/** Tokenised prompts of rows, in the order of the rows. */
export interface TextSamples {
  readonly rows: Uint32Array;
  readonly tokens: readonly ArrayLike<number>[];
  /** Places of the samples that share a history, or a pass over it, and come in one batch; absent where each has its own. */
  readonly runs?: readonly Uint32Array[];
  /** The texts of the same samples, in their order, by the prompt given. */
  render(prompt: Prompt): string[];
}

/** The CRM's logits of rows, by the row. */
export type CrmLogits = (rows: Uint32Array) => Promise<ReadonlyMap<number, number>>;

/** Which rows become samples, and what is known of them. */
export interface SamplesOptions {
  readonly from?: Uint32Array | undefined;
  readonly crm?: CrmLogits | undefined;
}

/** Rows that were chosen to become samples. */
export interface ChosenRows extends Pick<TextSamples, "rows" | "runs"> {
  /** The texts of the samples by the prompt given, or of those from one unit to another: a run where there are some, or else a row. */
  render(prompt: Prompt, start?: number, end?: number): string[];
}

/**
 * Random rows, of which any part can be told.
 * @param size samples, at least where several targets share a history or a pass over it
 * @param purpose names the random choice: another purpose chooses other rows
 * @param options.from they are chosen among these; default: the training rows
 * @param options.crm the CRM's logits of rows, asked where the prompt says what the CRM says
 */
export async function chooseRows(
  { config, data }: Pick<StageInputs, "config" | "data">,
  prompt: Prompt,
  size: number,
  purpose: string,
  { from = data.split.train, crm }: SamplesOptions = {},
): Promise<ChosenRows> {
  const { supervision, targetsPerHistory } = config.llm;
  if (supervision === "dense") {
    const windows = randomRuns(denseWindows(data.log, from, prompt.config), size, config.seed, purpose);
    return {
      ...inRuns(windows),
      render: (by, ...part) => windows.slice(...part).flatMap((window) => renderWindow(data, by, window)),
    };
  }
  const answersOf = async (rows: Uint32Array): Promise<CrmAnswers> => {
    const logits = prompt.saysCrm ? await crm?.(rows) : undefined;
    return (row) => {
      const logit = logits?.get(row);
      return logit === undefined ? undefined : 1 / (1 + Math.exp(-logit));
    };
  };
  if (targetsPerHistory === 1) {
    const rows = randomSubset(from, size, config.seed, purpose);
    const answered = await answersOf(rows);
    return { rows, render: (by, ...part) => renderPrompts(data, by, rows.subarray(...part), answered) };
  }
  const chosen = randomRuns(targetRuns(data.log, from, targetsPerHistory), size, config.seed, purpose);
  const together = inRuns(chosen);
  const answered = await answersOf(together.rows);
  return {
    ...together,
    render: (by, ...part) => chosen.slice(...part).flatMap((run) => renderRun(data, by, run, answered)),
  };
}

/** The rows that `chooseRows` chooses, all of them as tokens. */
export async function textSamples(
  run: Pick<StageInputs, "config" | "data">,
  { tokenizer, prompt, answers }: Asking,
  size: number,
  purpose: string,
  options?: SamplesOptions,
): Promise<TextSamples> {
  const chosen = await chooseRows(run, prompt, size, purpose, options);
  const prompts = chosen.render(prompt).map((text) => cutPrompt(text, answers));
  return { ...chosen, tokens: await encodeChains(tokenizer, prompts) };
}

/** Rows of runs, one run after another. */
function inRuns(runs: readonly { readonly rows: Uint32Array }[]): Pick<TextSamples, "rows" | "runs"> {
  let next = 0;
  return {
    rows: Uint32Array.from(runs.flatMap(({ rows }) => [...rows])),
    runs: runs.map(({ rows }) => rows.map(() => next++)),
  };
}

/** The samples at some places as inputs of the LLM, their names prefixed. */
export function llmFeeds(samples: TextSamples, positions: Uint32Array, prefix = "llm."): Batch {
  const sequences = Array.from(positions, (position) => samples.tokens[position]!);
  const feeds = samples.runs === undefined ? paddedFeeds(sequences) : packedFeeds(sequences);
  return Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [`${prefix}${name}`, feed]));
}

/**
 * Batches of samples of similar length; those that share a history stay together.
 * @param sizeOf what a run counts of a batch's size; default: its samples
 */
export function llmPlan(
  { tokens, runs }: Pick<TextSamples, "tokens" | "runs">,
  { batchSize, epochs }: Pick<LlmTuningConfig, "batchSize" | "epochs">,
  seed: number,
  purpose: string,
  sizeOf: (run: Uint32Array) => number = (run) => run.length,
): BatchPlan {
  const lengths = tokens.map(({ length }) => length);
  if (runs === undefined) return lengthBucketedPlan(lengths, batchSize, epochs, seed, purpose);
  const ofRuns = runs.map((run) => run.reduce((most, place) => Math.max(most, lengths[place]!), 0));
  const plan = lengthBucketedPlan(ofRuns, batchSize, epochs, seed, purpose, runs.map(sizeOf));
  return {
    steps: plan.steps,
    at: (step) => Uint32Array.from(Array.from(plan.at(step)).flatMap((run) => [...runs[run]!])),
  };
}
