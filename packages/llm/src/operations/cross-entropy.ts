import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/** Keeps the logarithm finite: a loss above 85 nats reads 85. The gradient is exact in any case. */
const leastProbability = 1e-37;

/**
 * Mean of -log softmax(x weight^T)[target]. The head and its loss are one operation because the gradient of the logits
 * is softmax minus one-hot, and the one-hot part is a gather and a sum of rows: nothing else of the size
 * [rows, vocabulary] is ever written.
 * @param x [rows, dim] @param weight [vocabulary, dim] @param targets int32 [rows]
 * @param shares float32 [rows], what each row counts in the sum; absent: the mean of all
 */
export function headCrossEntropy(
  x: tf.Tensor,
  weight: tf.Tensor,
  targets: tf.Tensor,
  shares?: tf.Tensor,
): tf.Tensor {
  const rows = x.shape[0]!;
  const vocabulary = weight.shape[0]!;
  return differentiable([x, weight], (save) => {
    const probability = tf.softmax(tf.matMul(x, weight, false, true));
    const chosen = tf.gather(probability, tf.reshape(targets, [rows, 1]), 1, 1);
    const logs = tf.log(tf.maximum(chosen, leastProbability));
    const column = shares === undefined ? undefined : tf.reshape(shares, [rows, 1]);
    save([x, weight, targets, probability, ...(column === undefined ? [] : [column])]);
    return {
      value: tf.neg(column === undefined ? tf.mean(logs) : tf.sum(tf.mul(logs, column))),
      gradients: (dy, saved) => {
        const [xs, w, t, p, own] = saved as [tf.Tensor, tf.Tensor, tf.Tensor1D, tf.Tensor, tf.Tensor?];
        const share = own === undefined ? tf.div(dy, rows) : tf.mul(own, dy);
        const scaled = tf.mul(xs, share);
        return [
          tf.mul(tf.sub(tf.matMul(p, w), tf.gather(w, t)), share),
          tf.sub(tf.matMul(p, scaled, true), tf.unsortedSegmentSum(scaled, t, vocabulary)),
        ];
      },
    };
  });
}
