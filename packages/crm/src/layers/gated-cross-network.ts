import { tf } from "@corella/engine";
import { combine, type Layer, type Tensor } from "./layer.ts";
import { linear } from "./linear.ts";

/**
 * Gated cross network (GDCN eq. 2): x_{l+1} = x_0 * (W_l x_l + b_l) * sigmoid(V_l x_l) + x_l, a cross network whose layers
 * let through what matters: [batch, d] -> the states x_1..x_L.
 */
export function gatedCrossNetwork(size: number, layerCount: number): Layer<Tensor, Tensor[]> {
  const layers: Record<string, Layer<Tensor, Tensor>> = {};
  for (let l = 0; l < layerCount; l++) {
    layers[`cross.${l}`] = linear(size, size);
    layers[`gate.${l}`] = linear(size, size, false);
  }
  return combine(layers, (call, x0: Tensor) => {
    let x = x0;
    return Array.from({ length: layerCount }, (_, l) => {
      const gate = tf.sigmoid(call[`gate.${l}`]!(x));
      x = tf.add(tf.mul(tf.mul(x0, call[`cross.${l}`]!(x)), gate), x);
      return x;
    });
  });
}
