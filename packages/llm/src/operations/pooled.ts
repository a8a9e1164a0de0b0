import { tf } from "@corella/engine";

/**
 * Weighted sums of the hidden states of every position: states [batch, time, hidden] with weights [batch, time], as `decoder`
 * gives them, or states [tokens, hidden] with weights [batch, tokens], as `packedDecoder` does. The result is [batch, hidden].
 */
export function pooled(states: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  if (states.rank === 2) return tf.matMul(weights, states);
  const [batch, time, hidden] = states.shape as [number, number, number];
  return tf.reshape(tf.matMul(tf.reshape(weights, [batch, 1, time]), states), [batch, hidden]);
}
