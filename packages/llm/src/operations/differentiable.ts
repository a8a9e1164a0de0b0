import { tf } from "@corella/engine";

/** The value of an operation, and its gradient as a function of what was saved. */
export interface WithGradient {
  readonly value: tf.Tensor;
  /** Gradients of the inputs, in order. `saved` are the tensors given to `save`. */
  readonly gradients: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[];
}

/** An operation with its own gradient. Whatever the gradient needs is given to `save`; the rest is freed. */
export function differentiable(
  inputs: readonly tf.Tensor[],
  forward: (save: (tensors: tf.Tensor[]) => void) => WithGradient,
): tf.Tensor {
  const run = tf.customGrad((...received: unknown[]) => {
    const save = received.at(-1) as (tensors: tf.Tensor[]) => void;
    const { value, gradients } = forward(save);
    return { value, gradFunc: gradients };
  });
  return run(...inputs);
}
