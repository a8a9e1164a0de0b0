import { tf } from "@corella/engine";
import type { Layer, Tensor } from "./layer.ts";

/** y = x Wᵀ + b with W [out, in], Xavier-normal, bias 0: [batch, in] -> [batch, out]. */
export function linear(inSize: number, outSize: number, bias = true): Layer<Tensor, Tensor> {
  return {
    params: {
      weight: { shape: [outSize, inSize], init: { kind: "xavierNormal" } },
      ...(bias ? { bias: { shape: [outSize], init: { kind: "zeros" } } } : {}),
    },
    forward(scope, x) {
      const product = tf.matMul(x as tf.Tensor2D, scope.param("weight") as tf.Tensor2D, false, true);
      return bias ? tf.add(product, scope.param("bias")) : product;
    },
  };
}
