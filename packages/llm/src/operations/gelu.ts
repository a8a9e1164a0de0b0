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

const root = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

/** The approximation of `gelu`, 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) (Hendrycks & Gimpel 2016). */
export function geluTanh(x: tf.Tensor): tf.Tensor {
  const inner = tf.mul(tf.mul(x, tf.add(tf.mul(tf.square(x), cubic), 1)), root);
  return tf.mul(x, tf.mul(tf.add(tf.tanh(inner), 1), 0.5));
}

/** gelu(gate) * up (Shazeer 2020) with the approximation 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
export function geluGated(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  return differentiable([gate, up], (save) => {
    const square = tf.square(gate);
    const tanh = tf.tanh(tf.mul(tf.mul(gate, tf.add(tf.mul(square, cubic), 1)), root));
    const half = tf.mul(tf.add(tanh, 1), 0.5);
    const activated = tf.mul(gate, half);
    save([gate, square, tanh, half, activated, up]);
    return {
      value: tf.mul(activated, up),
      gradients: (dy, saved) => {
        const [x, x2, t, h, g, u] = saved as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
        ];
        // gelu' = h + x / 2 (1 - t^2) sqrt(2 / pi) (1 + 3 * 0.044715 x^2)
        const inner = tf.mul(tf.add(tf.mul(x2, 3 * cubic), 1), root / 2);
        const slope = tf.add(h, tf.mul(tf.mul(x, tf.sub(1, tf.square(t))), inner));
        return [tf.mul(tf.mul(dy, u), slope), tf.mul(dy, g)];
      },
    };
  });
}
