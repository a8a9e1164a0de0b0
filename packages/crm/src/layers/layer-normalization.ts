import { tf } from "@corella/engine";
import type { Layer, Tensor } from "./layer.ts";

/**
 * Layer normalisation (Ba et al. 2016) over each of `fields` pieces of [rows, fields * size], epsilon 1e-5 as in PyTorch;
 * every piece has a gain and a bias of its own.
 */
export function layerNormalization(size: number, fields = 1): Layer<Tensor, Tensor> {
  return {
    params: {
      weight: { shape: [fields * size], init: { kind: "ones" } },
      bias: { shape: [fields * size], init: { kind: "zeros" } },
    },
    forward(scope, input) {
      const x = fields === 1 ? input : tf.reshape(input, [-1, size]);
      const centred = tf.sub(x, tf.mean(x, 1, true));
      const variance = tf.mean(tf.square(centred), 1, true);
      const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5)));
      const rows = fields === 1 ? normalised : tf.reshape(normalised, [-1, fields * size]);
      return tf.add(tf.mul(rows, scope.param("weight")), scope.param("bias"));
    },
  };
}
