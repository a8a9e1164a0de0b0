import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/** x times the standard normal distribution function of x (Hendrycks & Gimpel 2016), exact. */
export function gelu(x: tf.Tensor): tf.Tensor {
  return differentiable([x], (save) => {
    const distribution = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
    save([x, distribution]);
    return {
      value: tf.mul(x, distribution),
      gradients: (dy, saved) => {
        const [input, cdf] = saved as [tf.Tensor, tf.Tensor];
        const density = tf.mul(tf.exp(tf.mul(tf.square(input), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return [tf.mul(dy, tf.add(cdf, tf.mul(input, density)))];
      },
    };
  });
}
