import { cutPrompt } from "@corella/llm";
import { createPrompt, embeddingFrom, type Catalogue, type RatingRecord } from "@corella/modality";
import type { LlmAsking } from "./llm-files.ts";
import { createLlmPrompt, type PromptForLlm } from "./llm-prompt.ts";

/** What a token limit leaves of the prompts of some records. */
export interface PromptCuts {
  readonly prompts: number;
  /** Those that lost history, or are too long even without. */
  readonly cut: number;
  /** History items of a prompt on average: those that it tells, and those that it would tell without the limit. */
  readonly told: number;
  readonly wanted: number;
  readonly maxTokens: number;
  /** Tokens of the whole prompts as the limit counts them, ascending. */
  readonly lengths: readonly number[];
  /** The same as the LLM reads them: without the white space that belongs to its answer. */
  readonly readLengths: readonly number[];
}

/** Token limits are multiples of this. */
const limitStep = 32;

/**
 * Counts what `maxTokens` cuts off from the prompts of records.
 * @param llm.statistics for records that bring none
 * @param llm.answers where they are not known yet, the LLM is taken to read the prompts to their very end
 */
export function countPromptCuts(
  llm: PromptForLlm & Pick<LlmAsking, "statistics"> & Partial<Pick<LlmAsking, "answers">>,
  records: readonly RatingRecord[],
  catalogue: Catalogue,
): PromptCuts {
  const { tokenizer, itemVectors, maxTokens, answers } = llm;
  const { maxTokens: _, ...unlimited } = llm.prompt;
  const whole = createPrompt(unlimited, { embedding: itemVectors && embeddingFrom(itemVectors) });
  const counts = { cut: 0, told: 0, wanted: 0 };
  const [lengths, readLengths]: [number[], number[]] = [[], []];
  let readLength = 0;
  const limited = createLlmPrompt(llm, (told, wanted) => {
    if (told < wanted || readLength > maxTokens) counts.cut++;
    counts.told += told;
    counts.wanted += wanted;
  });
  for (const one of records) {
    // How long a prompt is does not depend on what the CRM says.
    const record = { pCrm: 0.5, ...one };
    const text = whole.render(record, catalogue, llm.statistics);
    const length = tokenizer.countTokens(text);
    const read = answers === undefined ? text : cutPrompt(text, answers);
    readLength = read === text ? length : tokenizer.countTokens(read);
    lengths.push(length);
    readLengths.push(readLength);
    limited.render(record, catalogue, llm.statistics);
  }
  const prompts = records.length;
  return {
    prompts,
    cut: counts.cut,
    told: counts.told / Math.max(1, prompts),
    wanted: counts.wanted / Math.max(1, prompts),
    maxTokens,
    lengths: lengths.toSorted((a, b) => a - b),
    readLengths: readLengths.toSorted((a, b) => a - b),
  };
}

/** The smallest limit, a multiple of 32 tokens, that leaves a share of the prompts whole. */
export function fittingLimit({ lengths }: Pick<PromptCuts, "lengths">, share: number): number {
  const longest = lengths[Math.ceil(share * lengths.length) - 1] ?? 1;
  return limitStep * Math.ceil(longest / limitStep);
}

/** One sentence or two for people: how many prompts are cut, what they still tell, and what would fit 95 % of them. */
export function describePromptCuts(cuts: PromptCuts): string {
  const { prompts, cut, told, wanted, maxTokens } = cuts;
  const found = `${cut} of ${prompts} prompts looked at are cut to ${maxTokens} tokens`;
  if (cut === 0) return `${found}.`;
  return `${found}: on average they tell ${told.toFixed(1)} of ${wanted.toFixed(1)} events of the history. ${fittingLimit(cuts, 0.95)} tokens would hold 95 % of them.`;
}
