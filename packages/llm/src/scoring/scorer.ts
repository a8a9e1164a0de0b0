import type { Batch, Inference, PrecisionOf, Program, Runtime, ValueReader, Values } from "@corella/engine";
import { CorellaError, nearestName } from "@corella/errors";
import { adapterFeeds, roomFor, withAdapterInputs } from "../lora/adapter-inputs.ts";
import type { LoadedAdapter } from "../lora/adapter.ts";
import type { AnswerScoring } from "../decoder/losses.ts";
import { cutPrompt, type YesNoIds } from "./answers.ts";
import type { DecoderConfig } from "../config/decoder.ts";
import { withFixedLength } from "../config/fixed-length.ts";
import type { LoraConfig } from "../lora/lora.ts";
import { encodeChains } from "../tokenizer/encode-chains.ts";
import { continuedDecoder } from "../decoder/continued-decoder.ts";
import { packedDecoder } from "../decoder/packed-decoder.ts";
import type { RopeConfig } from "../config/rope.ts";
import { continuedDifferences, continuedProgram } from "./continued-scoring.ts";
import { packedDifferences, packedProgram } from "./packed-scoring.ts";
import { createPrefixCache } from "./prefix-cache.ts";
import type { TextTokenizer } from "../tokenizer/tokenizer.ts";

/** P(yes) of each prompt, from a model in this process, quantised or not, or on a server. */
export type YesNoScorer = (prompts: readonly string[], signal?: AbortSignal) => Promise<Float32Array>;

/** What `createScorer` compiles: a model and its adapters, the tokenizer and the answers, and how batches are made. */
export interface ScorerOptions {
  readonly config: DecoderConfig;
  /**
   * Merged weights, or the base's and the adapter's together with `lora`; or the weights of `openPretrained`, which the
   * runtime alone then holds.
   */
  readonly values: Values | ValueReader;
  readonly lora?: LoraConfig | undefined;
  /** Adapters by names of the caller's, from `loadAdapter`, all on the one base in `values`; without `lora`. */
  readonly adapters?: Readonly<Record<string, LoadedAdapter>> | undefined;
  readonly tokenizer: TextTokenizer;
  /** From `yesNoIds` on a prompt of the template in use. */
  readonly answers: YesNoIds;
  /** How the two answers become P(yes). Default `twoWay`. */
  readonly scoring?: AnswerScoring | undefined;
  readonly runtime: Runtime;
  /** How each weight is stored and multiplied. Default float32. */
  readonly precision?: PrecisionOf;
  /** Most tokens of a batch. Default 4,096. */
  readonly tokenBudget?: number;
  /** Longest prompt; default the model's. */
  readonly maxTokens?: number;
  /** Default error. */
  readonly overlong?: "error" | "cut";
  /**
   * Of RoPE that depends on the longest prompt of a batch (dynamic, longrope): the length, in tokens, that every batch is computed
   * for, so that a score does not depend on the prompts beside it. Default as in transformers, by batch.
   */
  readonly ropeLength?: number | undefined;
  /**
   * Keys and values of prompts stay in memory within so many bytes, for later calls: a prompt that begins as an earlier one, such
   * as the same user's after another event, costs what is new of it. Scores are the same but for rounding. Default 0: none stay.
   */
  readonly prefixCacheBytes?: number;
}

/** Scores of prompts, in their order. */
export interface YesNoScores {
  /** exp(a) / (exp(a) + exp(b)) of the logits a of yes and b of no (eq. 2); with `doubleSoftmax` of their probabilities. */
  readonly probability: Float32Array;
  /** a - b */
  readonly logitDifference: Float32Array;
  /** How many prompts were cut to the longest length. */
  readonly cut: number;
}

/** A model that answers yes or no. Dispose of it after use. */
export interface Scorer {
  readonly score: YesNoScorer;
  /** P(yes) together with the logit that probabilities are mixed by. */
  scores(prompts: readonly string[], signal?: AbortSignal): Promise<YesNoScores>;
  dispose(): Promise<void>;
}

/** A model in this process that answers yes or no; without an adapter it answers as its base. */
export interface LocalScorer extends Scorer {
  /**
   * The model with one of its `adapters`, for calls in any order.
   * @throws CorellaError `llm/unknown-adapter`
   */
  withAdapter(name: string): Pick<Scorer, "score" | "scores">;
}

/**
 * Compiles a model for scoring. What prompts of one call begin with alike, such as one user's history before many
 * candidates, is computed once in a batch, whatever their order. Between batches
 * an abort signal is obeyed: the promise then rejects with its reason.
 * @throws CorellaError `llm/adapters` for `lora` together with `adapters`, `llm/prefix-cache` for a cache of keys whose RoPE
 * depends on the prompts beside them
 * @example
 * ```ts
 * import { initialValues, onnxRuntime } from "@corella/engine";
 * import { createScorer, decoder, tinyLlamaConfig, trainTokenizer, yesNoIds } from "@corella/llm";
 *
 * const prompt = "Liked: Heat. Would the user like Ronin? Answer: ";
 * const tokenizer = await trainTokenizer([prompt], { vocabularySize: 300 });
 * const config = tinyLlamaConfig({ vocabularySize: 300, hiddenSize: 16, layers: 1, heads: 2 });
 * const answers = await yesNoIds(tokenizer, prompt);
 * const values = initialValues(decoder(config, { answers }), 1);
 * const scorer = await createScorer({ config, values, tokenizer, answers, runtime: onnxRuntime() });
 * const [probability] = await scorer.score([prompt]);
 * console.log(probability! > 0 && probability! < 1); // true
 * await scorer.dispose();
 * ```
 */
export async function createScorer(options: ScorerOptions): Promise<LocalScorer> {
  const { config, tokenizer, answers, prefixCacheBytes = 0 } = options;
  const isCached = prefixCacheBytes > 0;
  if (isCached) requireSteadyKeys(options);
  const { program, feedsOf } = scoringProgram(options, isCached);
  const inference = await options.runtime.infer(
    program,
    options.values,
    options.precision === undefined ? {} : { precision: options.precision },
  );
  const limits = {
    maxTokens: Math.min(options.maxTokens ?? config.maxPositions, config.maxPositions),
    overlong: options.overlong ?? "error",
    tokenBudget: options.tokenBudget ?? 4096,
  };
  const cache = createPrefixCache(prefixCacheBytes, config.layers, config.keyValueHeads * config.headDim);
  const scoringWith = (name: string | undefined): Pick<Scorer, "score" | "scores"> => {
    const adapter = feedsOf(name);
    const run: Inference["run"] = (feeds) => inference.run({ ...feeds, ...adapter });
    const differences = isCached
      ? continuedDifferences(run, cache.of(name), limits)
      : packedDifferences(run, limits);
    const scores = async (prompts: readonly string[], signal?: AbortSignal): Promise<YesNoScores> => {
      signal?.throwIfAborted();
      const texts = prompts.map((prompt) => cutPrompt(prompt, answers));
      const { logitDifference: logits, cut } = await differences(
        await encodeChains(tokenizer, texts),
        signal,
      );
      return { probability: logits.map((logit) => 1 / (1 + Math.exp(-logit))), logitDifference: logits, cut };
    };
    return { scores, score: async (prompts, signal) => (await scores(prompts, signal)).probability };
  };
  return {
    ...scoringWith(undefined),
    withAdapter: scoringWith,
    dispose: () => inference.dispose(),
  };
}

/** Whether a token's keys depend on no prompt beside its own, so that they may be kept: not those of RoPE of the kinds dynamic and longrope. */
export function hasSteadyKeys({ rope, sliding }: DecoderConfig): boolean {
  const isSteady = ({ kind }: RopeConfig): boolean => kind !== "dynamic" && kind !== "longrope";
  return isSteady(rope) && (sliding === undefined || isSteady(sliding.rope));
}

/** @throws CorellaError `llm/prefix-cache` */
function requireSteadyKeys({ config, ropeLength }: ScorerOptions): void {
  if (ropeLength !== undefined || hasSteadyKeys(config)) return;
  throw new CorellaError({
    code: "llm/prefix-cache",
    message:
      "The model's RoPE depends on the longest prompt of a batch, so keys of an earlier batch would be others.",
    place: "createScorer",
    remedy: "Set ropeLength, the length that every batch is computed for, or leave prefixCacheBytes out.",
  });
}

/** The program, and what its adapter is fed as: by the adapter's name, or none. */
function scoringProgram(
  { answers, scoring, lora, adapters, ...options }: ScorerOptions,
  isCached: boolean,
): {
  readonly program: Program;
  feedsOf(name: string | undefined): Batch;
} {
  const { ropeLength } = options;
  const config = ropeLength === undefined ? options.config : withFixedLength(options.config, ropeLength);
  if (lora !== undefined && adapters !== undefined) {
    throw new CorellaError({
      code: "llm/adapters",
      message: "The scorer is given one adapter with its values (lora) and several by name (adapters).",
      place: "createScorer",
      remedy: "Give all of them by name, or the one alone.",
    });
  }
  const named = Object.entries(adapters ?? {});
  const room = named.length === 0 ? undefined : roomFor(named.map(([, adapter]) => adapter));
  const ofDecoder = { answers, lora: room ?? lora };
  const program = isCached
    ? continuedProgram(continuedDecoder(config, ofDecoder), scoring)
    : packedProgram(packedDecoder(config, ofDecoder), scoring);
  if (room === undefined)
    return { program, feedsOf: (name) => (name === undefined ? {} : unknownAdapter(name, [])) };
  const base = adapterFeeds(config, room, undefined);
  const known = new Map(named.map(([name, adapter]) => [name, adapterFeeds(config, room, adapter)]));
  return {
    program: withAdapterInputs(program),
    feedsOf: (name) =>
      name === undefined ? base : (known.get(name) ?? unknownAdapter(name, [...known.keys()])),
  };
}

function unknownAdapter(name: string, known: readonly string[]): never {
  const near = nearestName(name, known);
  const others = known.length === 0 ? "Give createScorer the adapters." : `It has ${known.join(", ")}.`;
  throw new CorellaError({
    code: "llm/unknown-adapter",
    message: `There is no adapter ${JSON.stringify(name)}.`,
    place: "withAdapter",
    remedy: near === undefined ? others : `Did you mean ${JSON.stringify(near)}?`,
  });
}
