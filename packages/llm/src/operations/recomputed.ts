import type { Scope, tf } from "@corella/engine";

/** The option of models whose blocks can be computed again for the gradient, to save memory. */
export interface RecomputeOption {
  /** Training keeps the blocks' inputs alone and computes each block again on the way back. Default false. */
  readonly recompute?: boolean | undefined;
}

/**
 * Computes a block of a model, and where `recompute` is chosen once more for the gradient.
 * @param inputs what the block depends on beside parameters and constants
 */
export function blockOf(
  scope: Scope,
  { recompute }: RecomputeOption,
  inputs: readonly tf.Tensor[],
  compute: (...inputs: tf.Tensor[]) => tf.Tensor,
): tf.Tensor {
  return recompute === true ? scope.recompute(inputs, compute) : compute(...inputs);
}
