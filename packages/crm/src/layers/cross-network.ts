import { tf } from "@corella/engine";
import { combine, type Layer, type Tensor } from "./layer.ts";
import { linear } from "./linear.ts";

/** x_{l+1} = x_l + x_0 * (W_l x_l + b_l), DCN V2 eq. 1 (Wang et al. 2021): [batch, d] -> the states x_1..x_L. */
export function crossNetwork(size: number, layerCount: number): Layer<Tensor, Tensor[]> {
  const layers: Record<string, Layer<Tensor, Tensor>> = {};
  for (let l = 0; l < layerCount; l++) layers[`${l}`] = linear(size, size);
  return combine(layers, (call, x0: Tensor) => {
    let x = x0;
    return Object.values(call).map((cross) => (x = tf.add(x, tf.mul(x0, cross(x)))));
  });
}
