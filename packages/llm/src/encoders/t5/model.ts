import { tf, type InputSpec, type ParamSpec, type Part, type Scope } from "@corella/engine";
import type { AnswerIds } from "../../decoder/decoder.ts";
import { activate, gated } from "../../operations/activation.ts";
import { attention, causalBias } from "../../operations/attention.ts";
import { headCrossEntropy } from "../../operations/cross-entropy.ts";
import { blockOf, type RecomputeOption } from "../../operations/recomputed.ts";
import { rmsNorm } from "../../operations/rms-norm.ts";
import { constantRows, firstRow } from "../../operations/select.ts";
import type { T5Config } from "./config.ts";
import { relativeBias } from "./relative-bias.ts";

/** Hidden states of both stacks of a T5, and what its decoder says. */
export interface T5Output {
  /** Embeddings of the text, each block, the last after the final norm: [batch, time, hidden]. */
  readonly encoderStates: readonly tf.Tensor[];
  /** Embeddings of the answer, each block, the last after the final norm: [batch, answer, hidden]. */
  readonly decoderStates: readonly tf.Tensor[];
  /** Logits of the two answers at the decoder's first position, yes first: [batch, 2]. */
  readonly yesNoLogits: tf.Tensor;
  /** [batch, answer, vocabulary] */
  logits(): tf.Tensor;
  /**
   * Cross entropy over the whole vocabulary: the mean over all positions, or their sum by `shares`.
   * @param targets int32 [batch, answer] @param shares float32 [batch, answer], 0 at padding
   */
  loss(targets: tf.Tensor, shares?: tf.Tensor): tf.Tensor;
}

/**
 * The inputs of `t5`: `tokens`, `visible` and `index` of the encoder as `paddedFeeds` gives them, and what its decoder
 * reads.
 */
function t5Inputs({ wholeWords }: T5Config): Readonly<Record<string, InputSpec>> {
  return {
    tokens: { shape: ["batch", "time"], dtype: "int32" },
    visible: { shape: ["batch", "time"], dtype: "int32" },
    index: { shape: ["time"], dtype: "int32" },
    /** Rows of the whole-word embeddings, as `wholeWordRows` gives them. */
    ...(wholeWords > 0 && { words: { shape: ["batch", "time"], dtype: "int32" } as const }),
    /** What the decoder reads: the start token, and in training the answer shifted by one. */
    answerTokens: { shape: ["batch", "answer"], dtype: "int32" },
    answerIndex: { shape: ["answer"], dtype: "int32" },
  };
}

/** A T5 that answers yes or no, or by a text of several tokens. Parameters have Hugging Face's names. */
export function t5(
  config: T5Config,
  options: { readonly answers: AnswerIds } & RecomputeOption,
): Part<T5Output> {
  return {
    params: t5Params(config),
    tables: {},
    inputs: t5Inputs(config),
    forward(scope) {
      const tokens = scope.input("tokens");
      const answerTokens = scope.input("answerTokens");
      const [batch, time] = tokens.shape as [number, number];
      const answer = answerTokens.shape[1]!;
      const visible = tf.reshape(tf.cast(scope.input("visible"), "float32"), [batch, 1, 1, time]);
      const padding = tf.mul(tf.sub(visible, 1), 1e9);
      const answerIndex = scope.input("answerIndex");
      const table = (side: "encoder" | "decoder"): tf.Tensor =>
        scope.param(`${side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`);
      const encoderBias = tf.add(relativeBias(table("encoder"), scope.input("index"), config, true), padding);
      const decoderBias = tf.add(
        relativeBias(table("decoder"), answerIndex, config, false),
        causalBias(tf.reshape(answerIndex, [1, answer]), answerIndex, undefined),
      );
      const stack = (
        side: "encoder" | "decoder",
        ids: tf.Tensor,
        layers: number,
        memory?: tf.Tensor,
      ): tf.Tensor[] => {
        let x = tf.gather(scope.param("shared.weight"), tf.reshape(ids, [-1]));
        // Pieces of one word share a vector that tells it from the words beside it (P5, section 4.1).
        if (side === "encoder" && config.wholeWords > 0)
          x = tf.add(x, tf.gather(scope.param(wholeWordTable), tf.reshape(scope.input("words"), [-1])));
        const states = [x];
        const bias = side === "encoder" ? encoderBias : decoderBias;
        for (let layer = 0; layer < layers; layer++) {
          const name = `${side}.block.${layer}.layer`;
          // The bias and the memory are trained as well.
          const inputs = memory === undefined ? [x, bias] : [x, bias, memory];
          x = blockOf(scope, options, inputs, (input, ownBias, seen) => {
            const self = attend(
              scope,
              config,
              batch,
              `${name}.0`,
              "SelfAttention",
              input!,
              undefined,
              ownBias!,
            );
            if (seen === undefined) return feedForward(scope, config, `${name}.1`, self);
            const crossed = attend(scope, config, batch, `${name}.1`, "EncDecAttention", self, seen, padding);
            return feedForward(scope, config, `${name}.2`, crossed);
          });
          if (layer < layers - 1) states.push(x);
        }
        return [...states, norm(scope, config, `${side}.final_layer_norm`, x)];
      };
      const encoderStates = stack("encoder", tokens, config.encoderLayers);
      const decoderStates = stack("decoder", answerTokens, config.decoderLayers, encoderStates.at(-1)!);
      const head = scope.param(config.tieWordEmbeddings ? "shared.weight" : "lm_head.weight");
      const top = config.scaleDecoderOutputs
        ? tf.mul(decoderStates.at(-1)!, config.hiddenSize ** -0.5)
        : decoderStates.at(-1)!;
      const { hiddenSize } = config;
      const first = firstRow(tf.reshape(top, [batch, answer, hiddenSize]), answerIndex);
      return {
        encoderStates: encoderStates.map((state) => tf.reshape(state, [batch, time, hiddenSize])),
        decoderStates: decoderStates.map((state) => tf.reshape(state, [batch, answer, hiddenSize])),
        yesNoLogits: tf.matMul(
          first,
          constantRows(head, [options.answers.yes, options.answers.no]),
          false,
          true,
        ),
        logits: () => tf.reshape(tf.matMul(top, head, false, true), [batch, answer, config.vocabularySize]),
        loss: (targets, shares) =>
          headCrossEntropy(top, head, tf.reshape(targets, [-1]), shares && tf.reshape(shares, [-1])),
      };
    },
  };
}

function norm(scope: Scope, config: T5Config, name: string, x: tf.Tensor): tf.Tensor {
  return rmsNorm(x, scope.param(`${name}.weight`), config.layerNormEpsilon);
}

/** x + attention of norm(x) to itself or to the memory; scores are not scaled. x [batch * length, hidden]. */
function attend(
  scope: Scope,
  config: T5Config,
  batch: number,
  layer: string,
  module: string,
  x: tf.Tensor,
  memory: tf.Tensor | undefined,
  bias: tf.Tensor,
): tf.Tensor {
  const normed = norm(scope, config, `${layer}.layer_norm`, x);
  const { heads, headDim } = config;
  const project = (name: string, input: tf.Tensor): tf.Tensor => {
    const y = tf.matMul(input, scope.param(`${layer}.${module}.${name}.weight`), false, true);
    return tf.transpose(tf.reshape(y, [batch, input.shape[0]! / batch, heads, headDim]), [0, 2, 1, 3]);
  };
  const source = memory ?? normed;
  const seen = attention(project("q", normed), project("k", source), project("v", source), bias);
  const merged = tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), [x.shape[0]!, heads * headDim]);
  return tf.add(x, tf.matMul(merged, scope.param(`${layer}.${module}.o.weight`), false, true));
}

function feedForward(scope: Scope, config: T5Config, layer: string, x: tf.Tensor): tf.Tensor {
  const normed = norm(scope, config, `${layer}.layer_norm`, x);
  const linear = (name: string, input: tf.Tensor): tf.Tensor =>
    tf.matMul(input, scope.param(`${layer}.DenseReluDense.${name}.weight`), false, true);
  const { activation, gated: hasGate } = config.feedForward;
  const inner = hasGate
    ? gated(activation, linear("wi_0", normed), linear("wi_1", normed))
    : activate(activation, linear("wi", normed));
  return tf.add(x, linear("wo", inner));
}

/** Name of the whole-word embeddings, [wholeWords, hidden], as the published checkpoints of P5 have it. */
export const wholeWordTable = "encoder.whole_word_embeddings.weight";

/** The parameters of a T5 by Hugging Face's names, with shapes and first values. */
export function t5Params(config: T5Config): Record<string, ParamSpec> {
  const { hiddenSize, intermediateSize } = config;
  const inner = config.heads * config.headDim;
  const params: Record<string, ParamSpec> = {};
  const weight = (name: string, rows: number, columns: number, std: number): void => {
    params[`${name}.weight`] = { shape: [rows, columns], init: { kind: "normal", std } };
  };
  const norms = (name: string): void => {
    params[`${name}.weight`] = { shape: [hiddenSize], init: { kind: "ones" } };
  };
  weight("shared", config.vocabularySize, hiddenSize, 1);
  if (config.wholeWords > 0)
    params[wholeWordTable] = { shape: [config.wholeWords, hiddenSize], init: { kind: "normal", std: 1 } };
  const stack = (side: "encoder" | "decoder", layers: number): void => {
    for (let layer = 0; layer < layers; layer++) {
      const block = `${side}.block.${layer}.layer`;
      const modules = side === "encoder" ? ["SelfAttention"] : ["SelfAttention", "EncDecAttention"];
      modules.forEach((module, i) => {
        weight(`${block}.${i}.${module}.q`, inner, hiddenSize, (hiddenSize * config.headDim) ** -0.5);
        weight(`${block}.${i}.${module}.k`, inner, hiddenSize, hiddenSize ** -0.5);
        weight(`${block}.${i}.${module}.v`, inner, hiddenSize, hiddenSize ** -0.5);
        weight(`${block}.${i}.${module}.o`, hiddenSize, inner, inner ** -0.5);
        norms(`${block}.${i}.layer_norm`);
      });
      const name = `${block}.${modules.length}.DenseReluDense`;
      for (const input of config.feedForward.gated ? ["wi_0", "wi_1"] : ["wi"])
        weight(`${name}.${input}`, intermediateSize, hiddenSize, hiddenSize ** -0.5);
      weight(`${name}.wo`, hiddenSize, intermediateSize, intermediateSize ** -0.5);
      norms(`${block}.${modules.length}.layer_norm`);
    }
    const table = `${side}.block.0.layer.0.SelfAttention.relative_attention_bias`;
    weight(table, config.relativeBuckets, config.heads, hiddenSize ** -0.5);
    norms(`${side}.final_layer_norm`);
  };
  stack("encoder", config.encoderLayers);
  stack("decoder", config.decoderLayers);
  if (!config.tieWordEmbeddings) weight("lm_head", config.vocabularySize, hiddenSize, 1);
  return params;
}
