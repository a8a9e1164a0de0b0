import { tf } from "@corella/engine";
import { linear, type BlockContext, type Queries } from "./block.ts";
import { gated } from "../operations/activation.ts";
import { rmsNorm } from "../operations/rms-norm.ts";
import { moduleName, type Projection } from "../config/params.ts";

/**
 * One block of Gemma 3 (Gemma Team 2025): norms before and after attention and MLP, heads normed before RoPE, a
 * GELU-gated MLP. x [tokens, hidden] -> [queries, hidden].
 */
export function gemma3Block(context: BlockContext, layer: number, x: tf.Tensor, queries: Queries): tf.Tensor {
  const { headDim, activation = "geluTanh" } = context.config;
  const norm = (name: string, input: tf.Tensor): tf.Tensor =>
    gemma3Norm(context, `model.layers.${layer}.${name}`, input);
  const project = (name: Projection, input: tf.Tensor): tf.Tensor =>
    linear(context, moduleName(layer, name), name, input);
  const headNorm = (name: string, input: tf.Tensor): tf.Tensor =>
    tf.reshape(norm(`self_attn.${name}`, tf.reshape(input, [-1, headDim])), input.shape);

  const input = norm("input_layernorm", x);
  const seen = queries.attend(
    headNorm("q_norm", project("q_proj", queries.pick(input))),
    headNorm("k_norm", project("k_proj", input)),
    project("v_proj", input),
  );
  const afterAttention = tf.add(queries.pick(x), norm("post_attention_layernorm", project("o_proj", seen)));

  const middle = norm("pre_feedforward_layernorm", afterAttention);
  const inner = gated(activation, project("gate_proj", middle), project("up_proj", middle));
  return tf.add(afterAttention, norm("post_feedforward_layernorm", project("down_proj", inner)));
}

/** RMS norm whose weight w stands for the factor 1 + w. x [rows, dim]. */
export function gemma3Norm({ scope, config }: BlockContext, module: string, x: tf.Tensor): tf.Tensor {
  return rmsNorm(x, tf.add(scope.param(`${module}.weight`), 1), config.rmsNormEpsilon);
}
