import { tf } from "@corella/engine";
import type { Layer, Tensor } from "./layer.ts";

/** Layer normalisation (Ba et al. 2016) over the last axis of [rows, size], epsilon 1e-5 as in PyTorch. */
export function layerNormalization(size: number): Layer<Tensor, Tensor> {
  return {
    params: {
      weight: { shape: [size], init: { kind: "ones" } },
      bias: { shape: [size], init: { kind: "zeros" } },
    },
    forward(scope, x) {
      const centred = tf.sub(x, tf.mean(x, 1, true));
      const variance = tf.mean(tf.square(centred), 1, true);
      const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5)));
      return tf.add(tf.mul(normalised, scope.param("weight")), scope.param("bias"));
    },
  };
}
