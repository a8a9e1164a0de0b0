import { tf } from "@corella/engine";
import { combine, type Layer, type Tensor } from "./layer.ts";
import { linear } from "./linear.ts";

/**
 * Multi-head bilinear fusion of two streams (FinalMLP eq. 9 to 11): w_x x + w_y y + b + sum_h x_hᵀ W_h y_h over pieces h of
 * both, [batch, xSize] and [batch, ySize] -> [batch, 1].
 */
export function bilinearFusion(
  xSize: number,
  ySize: number,
  heads: number,
): Layer<readonly [Tensor, Tensor], Tensor> {
  const [xHead, yHead] = [xSize / heads, ySize / heads];
  const product: Layer<readonly [Tensor, Tensor], Tensor> = {
    params: {
      weight: {
        shape: [heads, xHead, yHead],
        init: { kind: "xavierNormal", fanIn: xSize * yHead, fanOut: 1 },
      },
    },
    forward(scope, [x, y]) {
      const weights = tf.split(scope.param("weight"), heads, 0);
      const xs = tf.split(x, heads, 1);
      const projected = weights.map((w, h) => tf.matMul(xs[h]!, tf.reshape(w, [xHead, yHead])));
      return tf.sum(tf.mul(tf.concat(projected, 1), y), 1, true);
    },
  };
  return combine(
    { w_x: linear(xSize, 1), w_y: linear(ySize, 1), w_xy: product },
    (call, [x, y]: readonly [Tensor, Tensor]) => tf.add(tf.add(call.w_x(x), call.w_y(y)), call.w_xy([x, y])),
  );
}
