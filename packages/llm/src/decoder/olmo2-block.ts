import { tf } from "@corella/engine";
import { linear, type BlockContext, type Queries } from "./block.ts";
import { gated } from "../operations/activation.ts";
import { rmsNorm } from "../operations/rms-norm.ts";
import { moduleName, type Projection } from "../config/params.ts";

/**
 * One block of OLMo 2 (OLMo Team 2025, "2 OLMo 2 Furious"): attention and MLP read the hidden state as it is and what they add to
 * it is normed; queries and keys are normed before RoPE, all heads together. x [tokens, hidden] -> [queries, hidden].
 */
export function olmo2Block(context: BlockContext, layer: number, x: tf.Tensor, queries: Queries): tf.Tensor {
  const { scope, config } = context;
  const norm = (name: string, input: tf.Tensor): tf.Tensor =>
    rmsNorm(input, scope.param(`model.layers.${layer}.${name}.weight`), config.rmsNormEpsilon);
  const project = (name: Projection, input: tf.Tensor): tf.Tensor =>
    linear(context, moduleName(layer, name), name, input);

  const seen = queries.attend(
    norm("self_attn.q_norm", project("q_proj", queries.pick(x))),
    norm("self_attn.k_norm", project("k_proj", x)),
    project("v_proj", x),
  );
  const middle = tf.add(queries.pick(x), norm("post_attention_layernorm", project("o_proj", seen)));
  const inner = gated(config.activation ?? "silu", project("gate_proj", middle), project("up_proj", middle));
  return tf.add(middle, norm("post_feedforward_layernorm", project("down_proj", inner)));
}
