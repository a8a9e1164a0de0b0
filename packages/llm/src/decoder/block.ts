import { tf, type Scope } from "@corella/engine";
import type { DecoderConfig } from "../config/decoder.ts";
import { loraModule, type LoraConfig } from "../lora/lora.ts";
import { gated } from "../operations/activation.ts";
import type { RecomputeOption } from "../operations/recomputed.ts";
import { rmsNorm } from "../operations/rms-norm.ts";
import { moduleName, type Projection } from "../config/params.ts";

/** What every block of one forward pass shares: parameters, configuration and adapter. */
export interface BlockContext extends RecomputeOption {
  readonly scope: Scope;
  readonly config: DecoderConfig;
  readonly lora: LoraConfig | undefined;
}

/**
 * The tokens whose output is wanted, all or the last real one of each sequence, and how these attend to the tokens that
 * they may see.
 */
export interface Queries {
  /** [tokens, dim] -> [queries, dim] */
  pick(x: tf.Tensor): tf.Tensor;
  /**
   * RoPE and attention of the queries to the tokens that they may see.
   * @param q [queries, heads * headDim] @param k [tokens, keyValueHeads * headDim] @param v as k
   * @returns [queries, heads * headDim]
   */
  attend(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor;
}

/** One pre-norm block: attention, then the gated MLP. x [tokens, hidden] -> [queries, hidden]. */
export function block(context: BlockContext, layer: number, x: tf.Tensor, queries: Queries): tf.Tensor {
  const { scope, config } = context;
  const prefix = `model.layers.${layer}`;
  const norm = (name: string, input: tf.Tensor): tf.Tensor =>
    rmsNorm(input, scope.param(`${prefix}.${name}.weight`), config.rmsNormEpsilon);
  const project = (name: Projection, input: tf.Tensor): tf.Tensor =>
    linear(context, moduleName(layer, name), name, input);
  /** The norm of each head, where the model has it. [length, heads * headDim] */
  const normed = (name: string, input: tf.Tensor): tf.Tensor =>
    config.queryKeyNorm === "head"
      ? tf.reshape(norm(`self_attn.${name}`, tf.reshape(input, [-1, config.headDim])), input.shape)
      : input;

  const input = norm("input_layernorm", x);
  const seen = queries.attend(
    normed("q_norm", project("q_proj", queries.pick(input))),
    normed("k_norm", project("k_proj", input)),
    project("v_proj", input),
  );
  const afterAttention = tf.add(queries.pick(x), project("o_proj", seen));

  const middle = norm("post_attention_layernorm", afterAttention);
  const inner = gated(config.activation ?? "silu", project("gate_proj", middle), project("up_proj", middle));
  return tf.add(afterAttention, project("down_proj", inner));
}

/**
 * One linear map of a block, x W^T + bias, and the adapter's low-rank part where the module has one. x [rows, inputs]
 * -> [rows, outputs].
 */
export function linear(context: BlockContext, module: string, name: Projection, x: tf.Tensor): tf.Tensor {
  const { scope, config, lora } = context;
  let y = tf.matMul(x, scope.param(`${module}.weight`), false, true);
  if (hasBias(config, name)) y = tf.add(y, scope.param(`${module}.bias`));
  const own = lora === undefined ? undefined : loraModule(lora, module, name);
  if (own === undefined) return y;
  const low = tf.matMul(
    scope.dropout(x, lora?.dropout ?? 0),
    scope.param(`${module}.lora_A.weight`),
    false,
    true,
  );
  return tf.add(y, tf.matMul(tf.mul(low, own.scale), scope.param(`${module}.lora_B.weight`), false, true));
}

function hasBias(config: DecoderConfig, name: Projection): boolean {
  if (name === "o_proj") return config.bias.output;
  if (name === "gate_proj" || name === "up_proj" || name === "down_proj") return config.bias.mlp;
  return config.bias.queryKeyValue;
}
