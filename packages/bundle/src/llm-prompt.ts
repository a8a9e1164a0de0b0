import {
  createPrompt,
  embeddingFrom,
  type Catalogue,
  type ItemVectors,
  type Prompt,
  type PromptConfig,
} from "@corella/modality";
import type { Scorer } from "@corella/llm";
import type { Bundle, TunedLlm } from "./bundle.ts";
import type { Lane } from "./predictor.ts";

/** What turns a record into text. */
export interface TextModality {
  readonly prompt: PromptConfig;
  readonly catalogue: Catalogue;
  /** For prompts that retrieve. */
  readonly itemVectors?: ItemVectors | undefined;
}

export async function textModality(bundle: Bundle): Promise<TextModality> {
  const { prompt, catalogue } = bundle;
  return { prompt, catalogue, itemVectors: await bundle.itemVectors() };
}

/** The prompt as a decoder is to see it: history is cut to its token limit. */
export function createLlmPrompt(
  llm: Pick<TunedLlm, "tokenizer" | "maxTokens">,
  { prompt, itemVectors }: Pick<TextModality, "prompt" | "itemVectors">,
): Prompt {
  return createPrompt(
    { ...prompt, maxTokens: llm.maxTokens },
    {
      countTokens: (text) => llm.tokenizer.countTokens(text),
      embedding: itemVectors === undefined ? undefined : embeddingFrom(itemVectors),
    },
  );
}

/** A lane that asks a scorer, here or on a server, about records as text. */
export function textLane(
  scorer: Pick<Scorer, "score" | "dispose">,
  llm: Pick<TunedLlm, "tokenizer" | "maxTokens">,
  modality: TextModality,
): Lane {
  const prompt = createLlmPrompt(llm, modality);
  return {
    score: (records, signal) =>
      scorer.score(
        records.map((record) => prompt.render(record, modality.catalogue)),
        signal,
      ),
    dispose: () => scorer.dispose(),
  };
}
