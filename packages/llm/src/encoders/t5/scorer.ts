import type { Program, Runtime, ValueReader, Values } from "@corella/engine";
import { batchSequences } from "../../batching/prepare-tokens.ts";
import type { AnswerIds } from "../../decoder/decoder.ts";
import { logitDifference } from "../../decoder/losses.ts";
import type { Scorer, YesNoScores } from "../../scoring/scorer.ts";
import type { TextTokenizer } from "../../tokenizer/tokenizer.ts";
import type { T5Config } from "./config.ts";
import { t5Encoder, t5Start } from "./feeds.ts";
import { t5 } from "./model.ts";

/** What `createT5Scorer` compiles. */
export interface T5ScorerOptions {
  readonly config: T5Config;
  /** Of all its parameters, or the weights of `openT5`. */
  readonly values: Values | ValueReader;
  readonly tokenizer: TextTokenizer;
  /** From `t5AnswerIds`. */
  readonly answers: AnswerIds;
  readonly runtime: Runtime;
  /** Most tokens of a text: longer ones keep the first and the newest. */
  readonly maxTokens: number;
  /** Most tokens of a batch. Default 4,096. */
  readonly tokenBudget?: number;
}

/**
 * Compiles a T5 that answers yes or no: the softmax of the two answers' first tokens at the decoder's first position. Dispose of it after use;
 * an abort signal is obeyed between batches.
 */
export async function createT5Scorer(options: T5ScorerOptions): Promise<Scorer> {
  const { config, tokenizer, answers, maxTokens, tokenBudget } = options;
  const part = t5(config, { answers });
  const program: Program = {
    ...part,
    forward: (scope) => ({ outputs: { logitDifference: logitDifference(part.forward(scope).yesNoLogits) } }),
  };
  const inference = await options.runtime.infer(program, options.values);
  const encoder = t5Encoder(config, tokenizer);
  const scores = async (prompts: readonly string[], signal?: AbortSignal): Promise<YesNoScores> => {
    signal?.throwIfAborted();
    const sequences = await tokenizer.encodeBatch(prompts);
    const { batches, cut } = batchSequences(sequences, {
      maxTokens,
      overlong: "cut",
      padTokenId: config.padTokenId,
      ...(tokenBudget !== undefined && { tokenBudget }),
    });
    const logits = new Float32Array(prompts.length);
    for (const { feeds, rows } of batches) {
      signal?.throwIfAborted();
      const outputs = await inference.run({ ...encoder(feeds), ...t5Start(rows.length, config) });
      for (const [i, row] of rows.entries()) logits[row] = outputs["logitDifference"]!.data[i]!;
    }
    return { probability: logits.map((logit) => 1 / (1 + Math.exp(-logit))), logitDifference: logits, cut };
  };
  return {
    scores,
    score: async (prompts, signal) => (await scores(prompts, signal)).probability,
    dispose: () => inference.dispose(),
  };
}
