import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis (Zhang & Sennrich 2019). x [rows, dim], weight [dim]. */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor {
  return differentiable([x, weight], (save) => {
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    const normalised = tf.mul(x, scale);
    save([normalised, scale, weight]);
    return {
      value: tf.mul(normalised, weight),
      gradients: (dy, saved) => {
        const [y, s, w] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const dyw = tf.mul(dy, w);
        const along = tf.mean(tf.mul(dyw, y), -1, true);
        return [tf.mul(tf.sub(dyw, tf.mul(y, along)), s), tf.sum(tf.mul(dy, y), 0)];
      },
    };
  });
}
