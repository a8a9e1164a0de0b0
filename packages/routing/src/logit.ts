import type { Numbers } from "@corella/metrics";
import { checkProbabilities } from "./inputs.ts";

/** The distance of the largest float32 below 1 from 1: probabilities closer to 0 or 1 count as this close. */
const probabilityEpsilon: number = 2 ** -24;

/** log(p / (1 - p)), with p clipped to [2^-24, 1 - 2^-24] so that a saturated model gives a finite logit (at most 16.64). */
export function logit(p: number): number {
  const clipped = Math.min(Math.max(p, probabilityEpsilon), 1 - probabilityEpsilon);
  return Math.log(clipped) - Math.log1p(-clipped);
}

/** 1 / (1 + exp(-x)), without overflow for large x of either sign. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/**
 * The logits of probabilities, clipped as `logit` does.
 * @param name of the array, for the place of an error
 * @throws CorellaError `routing/not-a-probability`.
 */
export function checkedLogits(probabilities: Numbers, name: string): Float64Array {
  checkProbabilities(probabilities, name);
  return Float64Array.from(probabilities, logit);
}
