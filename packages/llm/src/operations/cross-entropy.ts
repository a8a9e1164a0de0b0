import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/**
 * Mean of -log softmax(x weight^T)[target]: the head and its loss in one operation, because the gradient of the logits
 * is then softmax minus one-hot, made once and never scaled.
 * @param x [rows, dim] @param weight [vocabulary, dim] @param targets int32 [rows]
 */
export function headCrossEntropy(x: tf.Tensor, weight: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  const rows = x.shape[0]!;
  const vocabulary = weight.shape[0]!;
  return differentiable([x, weight], (save) => {
    const logits = tf.matMul(x, weight, false, true);
    const probability = tf.softmax(logits);
    const targetLogit = tf.reshape(tf.gather(logits, tf.reshape(targets, [rows, 1]), 1, 1), [rows]);
    // log sum exp without another pass of exp: the greatest logit minus the log of its probability.
    const logSum = tf.sub(tf.max(logits, 1), tf.log(tf.max(probability, 1)));
    save([x, weight, targets, probability]);
    return {
      value: tf.mean(tf.sub(logSum, targetLogit)),
      gradients: (dy, saved) => {
        const [xs, w, t, p] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const error = tf.sub(p, tf.oneHot(tf.cast(t, "int32"), vocabulary, 1, 0, "float32"));
        const share = tf.div(dy, rows);
        return [tf.mul(tf.matMul(error, w), share), tf.matMul(error, tf.mul(xs, share), true)];
      },
    };
  });
}
