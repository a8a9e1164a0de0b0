import { countPromptCuts, describePromptCuts, fittingLimit, type PromptCuts } from "@corella/bundle";
import { createPrompt, recordsAt } from "@corella/modality";
import { randomSubset, type LogParts } from "../data.ts";
import type { ResolvedConfig, Run } from "../run.ts";
import type { BaseLlm } from "./base-llm.ts";

type Design = Pick<BaseLlm, "config" | "tokenizer">;

/** Prompts that are looked at, of the training part and of the test part each. */
const sampleSize = 128;

/** The share of prompts that the default of `llm.maxTokens` leaves whole. */
const wholeShare = 0.99;

/** What a token limit leaves of a random sample of the prompts of training and test part. */
export function samplePromptCuts(
  { prompt, seed }: Pick<ResolvedConfig, "prompt" | "seed">,
  { log, split, catalogue }: LogParts,
  { tokenizer }: Pick<Design, "tokenizer">,
  maxTokens: number,
): PromptCuts {
  // Items that are retrieved are about as long as the newest; their vectors are not there yet.
  const newest = { ...prompt, retrieval: "none" } as const;
  const { statistics } = createPrompt(newest);
  const records = [split.train, split.test].flatMap((rows) =>
    recordsAt(log, randomSubset(rows, sampleSize, seed, "prompt-lengths"), { statistics }),
  );
  return countPromptCuts(
    { tokenizer, maxTokens, prompt: newest, itemVectors: undefined },
    records,
    catalogue,
  );
}

/**
 * The default of `llm.maxTokens`: the smallest multiple of 32 that leaves 99 % of a sample of the prompts whole, at most what
 * the decoder can read.
 */
export function defaultPromptLimit(
  config: Pick<ResolvedConfig, "prompt" | "seed">,
  data: LogParts,
  design: Design,
): number {
  const { maxPositions } = design.config;
  return Math.min(
    maxPositions,
    fittingLimit(samplePromptCuts(config, data, design, maxPositions), wholeShare),
  );
}

/** Tells how many prompts `llm.maxTokens` cuts and what they still tell, as a warning where there are many. */
export function notePromptCuts({ config, data, listener }: Run, design: Design): void {
  const cuts = samplePromptCuts(config, data, design, config.llm.maxTokens);
  if (cuts.cut <= (1 - wholeShare) * cuts.prompts) return;
  const [limit, length] =
    config.recipe === "tallrec"
      ? ["tallrec.maxTokens", "tallrec.historyLength"]
      : ["llm.maxTokens", "prompt.historyLength"];
  listener.note?.(
    `warning: ${describePromptCuts(cuts)} Set ${limit} so, leave it out for the default, or tell fewer by ${length}.`,
  );
}
