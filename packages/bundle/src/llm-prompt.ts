import { createPrompt, type PromptConfig } from "@corella/modality";
import type { TunedLlm } from "./bundle.ts";

/** The prompt as a decoder is to see it: history is cut to its token limit. */
export function createLlmPrompt(
  llm: Pick<TunedLlm, "tokenizer" | "maxTokens">,
  config: PromptConfig,
): ReturnType<typeof createPrompt> {
  return createPrompt(
    { ...config, maxTokens: llm.maxTokens },
    { countTokens: (text) => llm.tokenizer.countTokens(text) },
  );
}
