import { tf, type InputSpec, type Part } from "@corella/engine";
import type { BlockContext, Queries } from "./block.ts";
import type { DecoderConfig } from "../config/decoder.ts";
import { loraParams, requirePlainLora, type LoraConfig } from "../lora/lora.ts";
import { byLayer } from "./layer-attention.ts";
import { architectureOf } from "./architecture.ts";
import type { RecomputeOption } from "../operations/recomputed.ts";
import { constantRows } from "../operations/select.ts";
import { headName, decoderParams } from "../config/params.ts";
import { allPositions, onePosition, type Sequences } from "./padded-sequences.ts";

/** The ids of the two answers' first tokens, which `yesNoIds` derives. */
export interface AnswerIds {
  readonly yes: number;
  readonly no: number;
  /** Further tokens that say the same: their probabilities are added to that of the first. */
  readonly variants?: { readonly yes: readonly number[]; readonly no: readonly number[] } | undefined;
}

/** What a decoder is asked for: two answers, perhaps with an adapter, and which hidden states. */
export interface DecoderOptions extends RecomputeOption {
  readonly answers: AnswerIds;
  /** Adds the adapter's parameters; the base stays as it is. */
  readonly lora?: LoraConfig | undefined;
  /** Gives the hidden states of every position too. Default false: then the last block computes one position only. */
  readonly allPositions?: boolean;
}

/** What a decoder knows after the last token of each sequence. */
export interface DecoderOutput {
  /**
   * At the last real token, [batch, hidden]: the embeddings (0), each block's output (1 .. layers - 1) and the final
   * norm's output (layers), as Hugging Face numbers them.
   */
  readonly hiddenStates: readonly tf.Tensor[];
  /** The hidden states of every position, [batch, time, hidden], or of every packed token, [tokens, hidden]; with `allPositions`. */
  readonly sequenceStates: readonly tf.Tensor[] | undefined;
  /**
   * Logits of the two answers as the next token, yes first: [batch, 2]. Of an answer with variants, log sum exp of its tokens'
   * logits. Only their rows of the head are computed.
   */
  readonly yesNoLogits: tf.Tensor;
  /** Logits of the whole vocabulary as the next token, [batch, vocabulary]; costs nothing unless it is used. */
  logitsLast(): tf.Tensor;
  /** The head's weight [vocabulary, hidden]. */
  readonly head: tf.Tensor;
}

/**
 * The inputs of `decoder`, as `paddedFeeds` gives them. `visible` is 1 for real tokens, `last` the place of each
 * sequence's last real token, `index` 0 .. time - 1.
 */
const decoderInputs: Readonly<Record<"tokens" | "positions" | "visible" | "index" | "last", InputSpec>> = {
  tokens: { shape: ["batch", "time"], dtype: "int32" },
  positions: { shape: ["batch", "time"], dtype: "int32" },
  visible: { shape: ["batch", "time"], dtype: "int32" },
  index: { shape: ["time"], dtype: "int32" },
  last: { shape: ["batch"], dtype: "int32" },
};

/**
 * A decoder that answers yes or no, on sequences padded to a common length. Parameters have Hugging Face's and PEFT's
 * names.
 */
export function decoder(config: DecoderConfig, options: DecoderOptions): Part<DecoderOutput> {
  const { lora, recompute } = options;
  return {
    params: adaptedParams(config, lora),
    tables: {},
    inputs: decoderInputs,
    forward(scope) {
      const tokens = scope.input("tokens");
      const last = scope.input("last");
      const [batch, time] = tokens.shape as [number, number];
      const sequences: Sequences = {
        batch,
        time,
        positions: scope.input("positions"),
        index: scope.input("index"),
        visible: scope.input("visible"),
      };
      const queries = byLayer(config, (attention) => ({
        all: allPositions(attention, sequences),
        one: onePosition(attention, sequences, last),
      }));
      const { states, ...output } = answeringBlocks(
        { scope, config, lora, recompute },
        options,
        tokens,
        queries,
      );
      return {
        ...output,
        sequenceStates: states?.map((state) => tf.reshape(state, [batch, time, config.hiddenSize])),
      };
    },
  };
}

/**
 * The parameters of a decoder and of its adapter, by Hugging Face's and PEFT's names.
 * @throws CorellaError `llm/adapter-merge` for an adapter that is only ever merged
 */
export function adaptedParams(config: DecoderConfig, lora: LoraConfig | undefined): Part<unknown>["params"] {
  if (lora === undefined) return decoderParams(config);
  requirePlainLora(lora, "decoder");
  return { ...decoderParams(config), ...loraParams(config, lora) };
}

/**
 * The decoder from tokens to answers, whichever way its sequences are laid out: all blocks but the last are computed
 * for all tokens, the last one for those of the answers.
 * @param tokens int32, of any shape
 * @param queriesOf how a layer attends, for all tokens and for one of each sequence
 */
export function answeringBlocks(
  context: BlockContext,
  { answers, allPositions: wanted }: DecoderOptions,
  tokens: tf.Tensor,
  queriesOf: (layer: number) => { readonly all: Queries; readonly one: Queries },
): Omit<DecoderOutput, "sequenceStates"> & { readonly states: readonly tf.Tensor[] | undefined } {
  const { scope, config } = context;
  const { block, embed, finalNorm } = architectureOf(context);
  let x = embed(tokens);
  const before = [x];
  for (let layer = 0; layer < config.layers - 1; layer++) {
    x = block(layer, x, queriesOf(layer).all);
    before.push(x);
  }
  const top = config.layers - 1;
  const { all, one } = queriesOf(top);
  let states: tf.Tensor[] | undefined;
  let answer: tf.Tensor;
  if (wanted === true) {
    states = [...before, finalNorm(block(top, x, all))];
    answer = one.pick(states.at(-1)!);
  } else {
    answer = finalNorm(block(top, x, one));
  }
  const head = scope.param(headName(config));
  return {
    hiddenStates: [...before.map((state) => one.pick(state)), answer],
    states,
    yesNoLogits: answerLogits(answer, head, answers),
    logitsLast: () => tf.matMul(answer, head, false, true),
    head,
  };
}

function answerLogits(answer: tf.Tensor, head: tf.Tensor, { yes, no, variants }: AnswerIds): tf.Tensor {
  const logitsOf = (ids: readonly number[]): tf.Tensor =>
    tf.matMul(answer, constantRows(head, ids), false, true);
  const tokens = [
    [yes, ...(variants?.yes ?? [])],
    [no, ...(variants?.no ?? [])],
  ] as const;
  if (tokens.flat().length === 2) return logitsOf([yes, no]);
  const sizes = tokens.map((ids) => ids.length);
  const parts = tf.split(logitsOf(tokens.flat()), sizes, 1);
  return tf.concat(
    parts.map((part) => tf.logSumExp(part, 1, true)),
    1,
  );
}
