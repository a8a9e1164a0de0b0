import { createLlmLane, createLlmPrompt, createRemoteLane, type Lane, type TunedLlm } from "@corella/bundle";
import { yesNoIds, type TextTokenizer, type YesNoIds } from "@corella/llm";
import { recordsAt, type ItemVectors, type Prompt } from "@corella/modality";
import type { PreparedData } from "../data.ts";
import type { Run } from "../run.ts";

/** How the LLM is asked about a record, and which tokens are its answers. */
export interface Asking {
  readonly tokenizer: TextTokenizer;
  readonly prompt: Prompt;
  readonly answers: YesNoIds;
  /** By which the prompt chooses history, where it retrieves. */
  readonly itemVectors: ItemVectors | undefined;
}

/**
 * The prompt of a configuration as a tokenizer's decoder is to see it, and the tokens by which it answers.
 * @param itemVectors for prompts that retrieve history
 * @throws CorellaError those of `createPrompt` and `yesNoIds`
 */
export async function askingOf(
  { config, data }: Pick<Run, "config" | "data">,
  tokenizer: TextTokenizer,
  itemVectors: ItemVectors | undefined,
): Promise<Asking> {
  const { maxTokens, answers: words } = config.llm;
  const prompt = createLlmPrompt({ tokenizer, maxTokens, prompt: config.prompt, itemVectors });
  const [first] = renderPrompts(data, prompt, data.split.train.subarray(0, 1), unsure);
  return { tokenizer, prompt, answers: await yesNoIds(tokenizer, first!, words), itemVectors };
}

/** Whoever answers for the tuned LLM: it itself in this thread, or a server that has it. */
export async function llmLane(
  { data, runtime, remoteLlm }: Pick<Run, "data" | "runtime" | "remoteLlm">,
  llm: TunedLlm,
): Promise<Lane> {
  return remoteLlm === undefined
    ? createLlmLane(llm, data.catalogue, runtime)
    : createRemoteLane(llm, data.catalogue, remoteLlm);
}

/** P(label = 1) of a row by the CRM, for prompts that say it. */
export type CrmAnswers = (row: number) => number | undefined;

/** Where a prompt is looked at alone, whatever the CRM says. */
export const unsure: CrmAnswers = () => 0.5;

/** The text modality of rows of the log. @param crm is read where the prompt says what the CRM says */
export function renderPrompts(
  data: PreparedData,
  prompt: Prompt,
  rows: ArrayLike<number>,
  crm?: CrmAnswers,
): string[] {
  const { historyLength, retrieval } = prompt.config;
  const window = retrieval === "none" ? historyLength : data.log.history.maxLength;
  return renderWith(data, prompt, rows, () => window, crm);
}

/** The text modality of rows of the log, each telling at most so many events before it. */
export function renderWith(
  { log, catalogue }: Pick<PreparedData, "log" | "catalogue">,
  prompt: Prompt,
  rows: ArrayLike<number>,
  events: (row: number) => number,
  crm?: CrmAnswers,
): string[] {
  return recordsAt(log, rows, prompt, events).map((record, i) =>
    prompt.render({ ...record, pCrm: crm?.(rows[i]!) }, catalogue),
  );
}
