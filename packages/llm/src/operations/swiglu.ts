import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/** silu(gate) * up (Shazeer 2020), where silu(x) = x sigmoid(x). */
export function swiglu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  return differentiable([gate, up], (save) => {
    const sigmoid = tf.sigmoid(gate);
    const silu = tf.mul(gate, sigmoid);
    save([sigmoid, silu, up]);
    return {
      value: tf.mul(silu, up),
      gradients: (dy, saved) => {
        const [s, a, u] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        // silu' = s + a (1 - s) = s - a s + a
        const slope = tf.add(tf.sub(s, tf.mul(a, s)), a);
        return [tf.mul(tf.mul(dy, u), slope), tf.mul(dy, a)];
      },
    };
  });
}
