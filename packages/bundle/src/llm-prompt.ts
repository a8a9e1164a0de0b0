import { createPrompt, embeddingFrom, type Catalogue, type Prompt } from "@corella/modality";
import type { Scorer } from "@corella/llm";
import type { LlmAsking } from "./llm-files.ts";
import type { Lane } from "./lane.ts";

/** How a decoder's prompts are made, and how many tokens it reads. */
export type PromptForLlm = Pick<LlmAsking, "tokenizer" | "maxTokens" | "prompt" | "itemVectors">;

/**
 * The prompt as a decoder is to see it: history is cut to its token limit, and retrieved by the item vectors where there are some.
 * @param told of each prompt: how many history items it tells, of how many it would without the limit
 */
export function createLlmPrompt(
  { tokenizer, maxTokens, prompt, itemVectors }: PromptForLlm,
  told?: (events: number, wanted: number) => void,
): Prompt {
  return createPrompt(
    { ...prompt, maxTokens },
    {
      countTokens: (text) => tokenizer.countTokens(text),
      embedding: itemVectors === undefined ? undefined : embeddingFrom(itemVectors),
      told,
    },
  );
}

/** A lane that asks a scorer, here or on a server, about records as text. @param llm.statistics for records that bring none */
export function textLane(
  scorer: Pick<Scorer, "score" | "dispose">,
  llm: PromptForLlm & Pick<LlmAsking, "statistics">,
  catalogue: Catalogue,
): Lane {
  const prompt = createLlmPrompt(llm);
  return {
    score: (records, signal) =>
      scorer.score(
        records.map((record) => prompt.render(record, catalogue, llm.statistics)),
        signal,
      ),
    dispose: () => scorer.dispose(),
  };
}
