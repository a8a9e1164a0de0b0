import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/**
 * One row of each sequence. x [batch, time, dim], at int32 [batch], index int32 [time] (0 .. time - 1) -> [batch, dim].
 */
export function rowAt(x: tf.Tensor, at: tf.Tensor, index: tf.Tensor): tf.Tensor {
  const [batch, time, dim] = x.shape as [number, number, number];
  return differentiable([x], (save) => {
    save([at, index]);
    return {
      value: tf.reshape(tf.gather(x, tf.reshape(at, [batch, 1]), 1, 1), [batch, dim]),
      gradients: (dy, saved) => {
        const [rows, places] = saved as [tf.Tensor, tf.Tensor];
        const chosen = tf.equal(tf.reshape(places, [1, time]), tf.reshape(rows, [batch, 1]));
        return [
          tf.mul(tf.reshape(tf.cast(chosen, "float32"), [batch, time, 1]), tf.reshape(dy, [batch, 1, dim])),
        ];
      },
    };
  });
}

/** The first row of each sequence (the gradient of a slice would need the length minus 1). x [batch, time, dim]. */
export function firstRow(x: tf.Tensor, index: tf.Tensor): tf.Tensor {
  return rowAt(x, tf.zeros([x.shape[0]!], "int32"), index);
}

/** A few constant rows of a matrix: weight [rows, dim], ids -> [ids.length, dim]. */
export function constantRows(weight: tf.Tensor, ids: readonly number[]): tf.Tensor {
  const rows = weight.shape[0]!;
  return differentiable([weight], () => ({
    value: tf.gather(weight, tf.tensor1d([...ids], "int32")),
    gradients: (dy) => [
      tf.matMul(tf.oneHot(tf.tensor1d([...ids], "int32"), rows, 1, 0, "float32"), dy, true),
    ],
  }));
}
