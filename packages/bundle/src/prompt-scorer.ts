import { createRuntime } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { createScorer, yesNoIds, type AnswerWords, type Scorer } from "@corella/llm";
import type { Bundle } from "./bundle.ts";
import type { LaneOptions } from "./lanes.ts";
import type { OpenLlm } from "./llm-files.ts";

/** Prompts that are there already, whoever wrote them. */
export interface AskedPrompts {
  /** One of them: where it ends, all do. */
  readonly example: string;
  /** The words by which they are answered. */
  readonly words: { readonly yes: AnswerWords; readonly no: AnswerWords };
}

/**
 * Opens the LLM of a bundle for prompts other than those that its own template makes; the answers' tokens are found anew behind
 * them. A prompt may be as long as the model reads: of a longer one the beginning is cut.
 * @throws CorellaError `bundle/no-model`, `bundle/damaged`, `bundle/prompts` of a T5, `llm/answers`
 */
export async function openPromptScorer(
  bundle: Bundle,
  { example, words }: AskedPrompts,
  options: Pick<LaneOptions, "runtime" | "scoring"> = {},
): Promise<Scorer> {
  if (bundle.llmKind === "t5") {
    throw new CorellaError({
      code: "bundle/prompts",
      message: "The bundle's language model is a T5, which knows the prompts of its own training alone.",
      place: bundle.folder,
      remedy: "Name the bundle of a decoder, such as those of the recipes tallrec and llm-only.",
    });
  }
  const { weights, config, tokenizer, tokenBudget, scoring } = (await bundle.llm()) as OpenLlm;
  try {
    return await createScorer({
      config,
      values: weights,
      tokenizer,
      answers: await yesNoIds(tokenizer, example, words),
      scoring: options.scoring ?? scoring,
      runtime: await createRuntime(options.runtime),
      tokenBudget,
      overlong: "cut",
    });
  } finally {
    await weights.close();
  }
}
