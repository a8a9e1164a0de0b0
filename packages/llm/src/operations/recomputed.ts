import type { Scope, tf } from "@corella/engine";

/** What the models that can be recomputed have in common. */
export interface RecomputeOption {
  /** Training keeps the blocks' inputs alone and computes each block again on the way back. Default false. */
  readonly recompute?: boolean | undefined;
}

/** A block of a model, recomputed where that is chosen. */
export function blockOf(
  scope: Scope,
  { recompute }: RecomputeOption,
  inputs: readonly tf.Tensor[],
  compute: (...inputs: tf.Tensor[]) => tf.Tensor,
): tf.Tensor {
  return recompute === true ? scope.recompute(inputs, compute) : compute(...inputs);
}
