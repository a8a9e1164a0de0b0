import { tf } from "@corella/engine";
import { block, type BlockContext, type Queries } from "./block.ts";
import { gemma3Block, gemma3Norm } from "./gemma-block.ts";
import { blockOf } from "../operations/recomputed.ts";
import { rmsNorm } from "../operations/rms-norm.ts";

/** What a decoder is made of, of its architecture. */
export interface Layers {
  /** int32 [...] -> [tokens, hidden] */
  embed(tokens: tf.Tensor): tf.Tensor;
  /** x [tokens, hidden] -> [queries, hidden] */
  block(layer: number, x: tf.Tensor, queries: Queries): tf.Tensor;
  /** [rows, hidden] -> [rows, hidden] */
  finalNorm(x: tf.Tensor): tf.Tensor;
}

export function layersOf(context: BlockContext): Layers {
  const { scope, config } = context;
  const embeddings = (tokens: tf.Tensor): tf.Tensor =>
    tf.gather(scope.param("model.embed_tokens.weight"), tf.reshape(tokens, [-1]));
  if (config.architecture === "gemma3") {
    return {
      embed: (tokens) => tf.mul(embeddings(tokens), Math.sqrt(config.hiddenSize)),
      block: (layer, x, queries) =>
        blockOf(scope, context, [x], (input) => gemma3Block(context, layer, input!, queries)),
      finalNorm: (x) => gemma3Norm(context, "model.norm", x),
    };
  }
  return {
    embed: embeddings,
    block: (layer, x, queries) =>
      blockOf(scope, context, [x], (input) => block(context, layer, input!, queries)),
    finalNorm: (x) => rmsNorm(x, scope.param("model.norm.weight"), config.rmsNormEpsilon),
  };
}
