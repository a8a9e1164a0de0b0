import type { PrecisionOf, Program, Runtime, ValueReader, Values } from "@corella/engine";
import { cutPrompt, type YesNoIds } from "./answers.ts";
import type { LlamaConfig } from "./config.ts";
import { logitDifference } from "./losses.ts";
import type { LoraConfig } from "./lora.ts";
import { packSequences } from "./pack-tokens.ts";
import { packedDecoder } from "./packed-decoder.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/** P(yes) of each prompt. Local, quantised or remote: the same type. */
export type YesNoScorer = (prompts: readonly string[], signal?: AbortSignal) => Promise<Float32Array>;

export interface ScorerOptions {
  readonly config: LlamaConfig;
  /**
   * Merged weights, or the base's and the adapter's together with `lora`; or the weights of `openPretrained`, which the
   * runtime alone then holds.
   */
  readonly values: Values | ValueReader;
  readonly lora?: LoraConfig | undefined;
  readonly tokenizer: TextTokenizer;
  /** From `yesNoIds` on a prompt of the template in use. */
  readonly answers: YesNoIds;
  readonly runtime: Runtime;
  /** How each weight is stored and multiplied. Default float32. */
  readonly precision?: PrecisionOf;
  /** Most tokens of a batch. Default 4,096. */
  readonly tokenBudget?: number;
  /** Longest prompt; default the model's. */
  readonly maxTokens?: number;
  /** Default error. */
  readonly overlong?: "error" | "cut";
}

export interface YesNoScores {
  /** exp(a) / (exp(a) + exp(b)) of the logits a of yes and b of no (eq. 2). */
  readonly probability: Float32Array;
  /** a - b */
  readonly logitDifference: Float32Array;
  /** How many prompts were cut to the longest length. */
  readonly cut: number;
}

export interface Scorer {
  readonly score: YesNoScorer;
  /** The same with the logit that probabilities are mixed by. */
  scores(prompts: readonly string[], signal?: AbortSignal): Promise<YesNoScores>;
  dispose(): Promise<void>;
}

/**
 * Compiles a model for scoring. What prompts of one call begin with alike, such as one user's history before many
 * candidates, is computed once in a batch, whatever their order. Between batches
 * an abort signal is obeyed: the promise then rejects with its reason.
 */
export async function createScorer(options: ScorerOptions): Promise<Scorer> {
  const { config, tokenizer, answers } = options;
  const inference = await options.runtime.infer(
    scoringProgram(config, options.answers, options.lora),
    options.values,
    options.precision === undefined ? {} : { precision: options.precision },
  );
  const scores = async (prompts: readonly string[], signal?: AbortSignal): Promise<YesNoScores> => {
    signal?.throwIfAborted();
    const sequences = await tokenizer.encodeBatch(prompts.map((prompt) => cutPrompt(prompt, answers)));
    const { batches, cut } = packSequences(sequences, {
      maxTokens: Math.min(options.maxTokens ?? config.maxPositions, config.maxPositions),
      overlong: options.overlong ?? "error",
      tokenBudget: options.tokenBudget ?? 4096,
    });
    const difference = new Float32Array(prompts.length);
    for (const { feeds, rows } of batches) {
      signal?.throwIfAborted();
      const outputs = await inference.run(feeds);
      const { data } = outputs["logitDifference"]!;
      rows.forEach((row, i) => {
        difference[row] = data[i]!;
      });
    }
    return {
      probability: difference.map((logit) => 1 / (1 + Math.exp(-logit))),
      logitDifference: difference,
      cut,
    };
  };
  return {
    scores,
    score: async (prompts, signal) => (await scores(prompts, signal)).probability,
    dispose: () => inference.dispose(),
  };
}

function scoringProgram(config: LlamaConfig, answers: YesNoIds, lora: LoraConfig | undefined): Program {
  const part = packedDecoder(config, { answers, lora });
  return {
    ...part,
    forward: (scope) => ({ outputs: { logitDifference: logitDifference(part.forward(scope).yesNoLogits) } }),
  };
}
