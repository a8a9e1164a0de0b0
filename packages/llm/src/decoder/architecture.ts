import { tf } from "@corella/engine";
import type { DecoderConfig } from "../config/decoder.ts";
import { block, type BlockContext, type Queries } from "./block.ts";
import { gemma3Block, gemma3Norm } from "./gemma-block.ts";
import { olmo2Block } from "./olmo2-block.ts";
import { blockOf } from "../operations/recomputed.ts";
import { rmsNorm } from "../operations/rms-norm.ts";

/** The three pieces that architectures differ in; embeddings, blocks and norm stand one after another in all of them. */
export interface Architecture {
  /** Token ids int32 [...] to hidden states [tokens, hidden]. */
  embed(tokens: tf.Tensor): tf.Tensor;
  /** x [tokens, hidden] -> [queries, hidden] */
  block(layer: number, x: tf.Tensor, queries: Queries): tf.Tensor;
  /** [rows, hidden] -> [rows, hidden] */
  finalNorm(x: tf.Tensor): tf.Tensor;
}

const blocks: Readonly<Record<DecoderConfig["architecture"], typeof block>> = {
  llama: block,
  mistral: block,
  qwen2: block,
  qwen3: block,
  olmo2: olmo2Block,
  gemma3: gemma3Block,
};

/** The pieces of the architecture that the context's configuration names. Blocks are recomputed where that is chosen. */
export function architectureOf(context: BlockContext): Architecture {
  const { scope, config } = context;
  const isGemma = config.architecture === "gemma3";
  const compute = blocks[config.architecture];
  return {
    embed(tokens) {
      const rows = tf.gather(scope.param("model.embed_tokens.weight"), tf.reshape(tokens, [-1]));
      return isGemma ? tf.mul(rows, Math.sqrt(config.hiddenSize)) : rows;
    },
    block: (layer, x, queries) =>
      blockOf(scope, context, [x], (input) => compute(context, layer, input!, queries)),
    finalNorm: (x) =>
      isGemma
        ? gemma3Norm(context, "model.norm", x)
        : rmsNorm(x, scope.param("model.norm.weight"), config.rmsNormEpsilon),
  };
}
