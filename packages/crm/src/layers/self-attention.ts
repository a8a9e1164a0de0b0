import { tf } from "@corella/engine";
import { layerNormalization } from "./layer-normalization.ts";
import { combine, type Layer, type Tensor } from "./layer.ts";

/** Sizes and variants of self-attention over the fields. */
export interface SelfAttentionOptions {
  readonly fields: number;
  /** Width of a field before the layer. */
  readonly inSize: number;
  /** Width of the output, all heads together. */
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
 *
 * Each head projects with its own rows of the weights: products of few columns, but nothing has to be transposed.
 */
export function selfAttention(options: SelfAttentionOptions): Layer<Tensor, Tensor> {
  const { fields, inSize, attentionSize, heads } = options;
  const headSize = attentionSize / heads;
  const weight: Layer<void, Tensor> = {
    params: { weight: { shape: [attentionSize, inSize], init: { kind: "xavierNormal" } } },
    forward: (scope) => scope.param("weight"),
  };
  return combine(
    {
      W_q: weight,
      W_k: weight,
      W_v: weight,
      W_res: options.residual && inSize !== attentionSize ? weight : undefined,
      layer_norm: options.layerNormalization ? layerNormalization(attentionSize) : undefined,
    },
    (call, x: Tensor, scope) => {
      /** [batch, fields, head] of each head. */
      const project = (w: Tensor): Tensor[] =>
        tf
          .split(w, heads, 0)
          .map((rows) => tf.reshape(tf.matMul(x, rows, false, true), [-1, fields, headSize]));
      const keys = project(call.W_k());
      const values = project(call.W_v());
      const attended = project(call.W_q()).map((query, t) => {
        const products = tf.matMul(query, keys[t]!, false, true);
        const scores = options.scale ? tf.div(products, Math.sqrt(headSize)) : products;
        const weights = scope.dropout(tf.softmax(scores), options.dropout);
        return tf.reshape(tf.matMul(weights, values[t]!), [-1, headSize]);
      });
      let output = heads === 1 ? attended[0]! : tf.concat(attended, 1);
      if (options.residual) {
        const projection = call.W_res?.();
        output = tf.add(output, projection === undefined ? x : tf.matMul(x, projection, false, true));
      }
      return tf.relu(call.layer_norm?.(output) ?? output);
    },
  );
}
