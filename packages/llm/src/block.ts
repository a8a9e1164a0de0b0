import { tf, type Scope } from "@corella/engine";
import type { LlamaConfig } from "./config.ts";
import { loraScale, loraTargets, type LoraConfig } from "./lora.ts";
import { attention } from "./operations/attention.ts";
import { rmsNorm } from "./operations/rms-norm.ts";
import { rotate, type Rotation } from "./operations/rope.ts";
import { swiglu } from "./operations/swiglu.ts";
import { moduleName, type Projection } from "./params.ts";

/** What every block of one forward pass shares. */
export interface BlockContext {
  readonly scope: Scope;
  readonly config: LlamaConfig;
  readonly lora: LoraConfig | undefined;
  readonly batch: number;
  readonly time: number;
  readonly keyRotation: Rotation;
}

/** The positions whose output is wanted: all, or the last real one of each sequence. */
export interface Queries {
  readonly count: number;
  /** With the 1 / sqrt(headDim) of the scores. */
  readonly rotation: Rotation;
  /** [batch or 1, 1, count, time] */
  readonly bias: tf.Tensor;
  /** [batch * time, dim] -> [batch * count, dim] */
  pick(x: tf.Tensor): tf.Tensor;
}

/** One pre-norm block: attention, then the gated MLP. x [batch * time, hidden] -> [batch * count, hidden]. */
export function block(context: BlockContext, layer: number, x: tf.Tensor, queries: Queries): tf.Tensor {
  const { scope, config, batch, time } = context;
  const prefix = `model.layers.${layer}`;
  const norm = (name: string, input: tf.Tensor): tf.Tensor =>
    rmsNorm(input, scope.param(`${prefix}.${name}.weight`), config.rmsNormEpsilon);
  const project = (name: Projection, input: tf.Tensor): tf.Tensor =>
    linear(context, moduleName(layer, name), name, input);
  /** [batch * length, count * headDim] -> [batch, count, length, headDim] */
  const heads = (input: tf.Tensor, count: number, length: number, headNorm?: string): tf.Tensor => {
    const normed =
      headNorm === undefined
        ? input
        : norm(`self_attn.${headNorm}`, tf.reshape(input, [batch * length * count, config.headDim]));
    return tf.transpose(tf.reshape(normed, [batch, length, count, config.headDim]), [0, 2, 1, 3]);
  };
  const [queryNorm, keyNorm] = config.queryKeyNorm ? ["q_norm", "k_norm"] : [];

  const input = norm("input_layernorm", x);
  const q = heads(project("q_proj", queries.pick(input)), config.heads, queries.count, queryNorm);
  const k = heads(project("k_proj", input), config.keyValueHeads, time, keyNorm);
  const v = heads(project("v_proj", input), config.keyValueHeads, time);
  const seen = attention(rotate(q, queries.rotation), rotate(k, context.keyRotation), v, queries.bias);
  const merged = tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), [
    batch * queries.count,
    config.heads * config.headDim,
  ]);
  const afterAttention = tf.add(queries.pick(x), project("o_proj", merged));

  const middle = norm("post_attention_layernorm", afterAttention);
  const gated = swiglu(project("gate_proj", middle), project("up_proj", middle));
  return tf.add(afterAttention, project("down_proj", gated));
}

/** x W^T + bias, and the adapter's low-rank part where the module has one. x [rows, in] -> [rows, out]. */
function linear(context: BlockContext, module: string, name: Projection, x: tf.Tensor): tf.Tensor {
  const { scope, config, lora } = context;
  let y = tf.matMul(x, scope.param(`${module}.weight`), false, true);
  if (hasBias(config, name)) y = tf.add(y, scope.param(`${module}.bias`));
  if (lora === undefined || !loraTargets(lora).includes(name)) return y;
  const low = tf.matMul(
    scope.dropout(x, lora.dropout ?? 0),
    scope.param(`${module}.lora_A.weight`),
    false,
    true,
  );
  return tf.add(
    y,
    tf.matMul(tf.mul(low, loraScale(lora)), scope.param(`${module}.lora_B.weight`), false, true),
  );
}

function hasBias(config: LlamaConfig, name: Projection): boolean {
  if (name === "o_proj") return config.bias.output;
  if (name === "gate_proj" || name === "up_proj" || name === "down_proj") return config.bias.mlp;
  return config.bias.queryKeyValue;
}
