import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/** (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis (Ba et al. 2016). x [rows, dim]. */
export function layerNorm(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, epsilon: number): tf.Tensor {
  return differentiable([x, weight, bias], (save) => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
    const normalised = tf.mul(centred, scale);
    save([normalised, scale, weight]);
    return {
      value: tf.add(tf.mul(normalised, weight), bias),
      gradients: (dy, saved) => {
        const [y, s, w] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const dyw = tf.mul(dy, w);
        const along = tf.mul(y, tf.mean(tf.mul(dyw, y), -1, true));
        const dx = tf.mul(tf.sub(tf.sub(dyw, tf.mean(dyw, -1, true)), along), s);
        return [dx, tf.sum(tf.mul(dy, y), 0), tf.sum(dy, 0)];
      },
    };
  });
}
