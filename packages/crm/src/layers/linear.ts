import { tf } from "@corella/engine";
import type { Layer, Tensor } from "./layer.ts";

/**
 * y = x Wᵀ + b with W [out, in], Xavier-normal, bias 0: [batch, in] -> [batch, out]. Several inputs are taken side by
 * side; each is multiplied with its columns of W, which costs less than to concatenate wide inputs.
 */
export function linear(
  inSize: number,
  outSize: number,
  bias = true,
): Layer<Tensor | readonly Tensor[], Tensor> {
  return {
    params: {
      weight: { shape: [outSize, inSize], init: { kind: "xavierNormal" } },
      ...(bias ? { bias: { shape: [outSize], init: { kind: "zeros" } } } : {}),
    },
    forward(scope, input) {
      const inputs = input instanceof tf.Tensor ? [input] : input;
      const weight = scope.param("weight");
      const sizes = inputs.map((x) => x.shape[1]!);
      const columns = inputs.length === 1 ? [weight] : tf.split(weight, sizes, 1);
      const products = inputs.map((x, i) => tf.matMul(x, columns[i]!, false, true));
      const sum = products.reduce((total, product) => tf.add(total, product));
      return bias ? tf.add(sum, scope.param("bias")) : sum;
    },
  };
}
