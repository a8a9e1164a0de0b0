import { tf, type ParamSpec } from "@corella/engine";
import { layerNormalization } from "./layerNormalization.ts";
import { combine, type Layer, type Tensor } from "./layer.ts";

export interface SelfAttentionOptions {
  readonly fields: number;
  readonly inSize: number;
  /** Of all heads together. */
  readonly attentionSize: number;
  readonly heads: number;
  /** Divide the scores by sqrt(size of a head). */
  readonly scale: boolean;
  readonly residual: boolean;
  readonly layerNormalization: boolean;
  readonly dropout: number;
}

/**
 * Interacting layer (AutoInt section 4.4): relu(multi-head self-attention over the fields + W_res x), no biases, no
 * output projection; W_res is the identity where sizes are equal. [batch * fields, in] -> [batch * fields, attention].
 */
export function selfAttention(options: SelfAttentionOptions): Layer<Tensor, Tensor> {
  const { fields, inSize, attentionSize, heads } = options;
  const headSize = attentionSize / heads;
  const projected = options.residual && inSize !== attentionSize;
  const names = ["W_q", "W_k", "W_v", ...(projected ? ["W_res"] : [])];
  const projections: Layer<Tensor, Tensor[]> = {
    params: Object.fromEntries(
      names.map((name): [string, ParamSpec] => [
        `${name}.weight`,
        { shape: [attentionSize, inSize], init: { kind: "xavierNormal" } },
      ]),
    ),
    forward(scope, x) {
      const weights = tf.concat(
        names.map((name) => scope.param(`${name}.weight`)),
        0,
      );
      return tf.split(tf.matMul(x, weights, false, true), names.length, 1);
    },
  };
  /** [batch * fields, attention] -> [batch, heads, fields, head] and back. */
  const split = (x: Tensor): Tensor =>
    heads === 1
      ? tf.reshape(x, [-1, fields, headSize])
      : tf.transpose(tf.reshape(x, [-1, fields, heads, headSize]), [0, 2, 1, 3]);
  const merge = (x: Tensor): Tensor =>
    tf.reshape(heads === 1 ? x : tf.transpose(x, [0, 2, 1, 3]), [-1, attentionSize]);
  return combine(
    {
      projections,
      layer_norm: options.layerNormalization ? layerNormalization(attentionSize) : undefined,
    },
    (call, x: Tensor, scope) => {
      const [query, key, value, projectedResidual] = call.projections(x);
      const products = tf.matMul(split(query!), split(key!), false, true);
      const scores = options.scale ? tf.div(products, Math.sqrt(headSize)) : products;
      const weights = scope.dropout(tf.softmax(scores), options.dropout);
      let output = merge(tf.matMul(weights, split(value!)));
      if (options.residual) output = tf.add(output, projectedResidual ?? x);
      return tf.relu(call.layer_norm?.(output) ?? output);
    },
  );
}
