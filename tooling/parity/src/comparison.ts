/** One comparison of ours with a golden: the largest absolute difference of a group of tensors in a case. */
export interface Comparison {
  readonly case: string;
  /** For example `logit`, `grad`, `after3`, `hidden`. */
  readonly group: string;
  readonly difference: number;
  readonly tolerance: number;
}

/** The largest absolute difference; infinite when the lengths differ or something is not a number. */
export function largestDifference(ours: ArrayLike<number>, golden: ArrayLike<number>): number {
  if (ours.length !== golden.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < ours.length; i++) {
    const difference = Math.abs(ours[i]! - golden[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
