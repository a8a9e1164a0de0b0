import { CorellaError } from "@corella/errors";
import type { Numbers } from "@corella/metrics";
import { predictionEntropy } from "./entropy.ts";
import { checkSameLength } from "./inputs.ts";

/** What is known of samples before the LLM is asked, beside the CRM's answers: one value a row. */
export interface RoutingSignals {
  /** Events of the user's history. */
  readonly historyLengths: Numbers;
}

/** Predicts by how much the LLM lowers the logloss of a sample, in nats. */
export interface GainModel {
  /** Longer histories count as this long. */
  readonly longestHistory: number;
  /** Of `signalsOf`: the constant, then e, e^2, h, h^2 and e h. */
  readonly coefficients: readonly number[];
}

/** e: entropy in parts of log 2; h: logarithm of the history's length in parts of the longest's. Both are in [0, 1]. */
export function signalsOf(p: number, historyLength: number, longestHistory: number): number[] {
  const e = predictionEntropy(p) / Math.LN2;
  const h = Math.log1p(Math.min(historyLength, longestHistory)) / Math.log1p(Math.max(longestHistory, 1));
  return [1, e, e * e, h, h * h, e * h];
}

/**
 * The predicted gain of each row, as `route` compares it with a threshold.
 * @throws CorellaError `routing/length-mismatch`, `routing/bad-policy` where the signals are missing or the model is none
 */
export function predictedGains(
  pCrm: Numbers,
  { longestHistory, coefficients }: GainModel,
  signals: RoutingSignals | undefined,
): Float32Array {
  if (signals === undefined || coefficients.length !== signalsOf(0, 0, 0).length) {
    throw new CorellaError({
      code: "routing/bad-policy",
      message:
        signals === undefined
          ? "A learned policy needs the histories' lengths."
          : "The gain model has another number of coefficients.",
      place: "gain",
      remedy:
        signals === undefined
          ? "Give `historyLengths`, one a row."
          : "Fit it on validation rows with `fitRouter`.",
    });
  }
  checkSameLength(pCrm.length, signals.historyLengths.length, "historyLengths");
  return Float32Array.from(pCrm, (p, row) =>
    dot(signalsOf(p, signals.historyLengths[row]!, longestHistory), coefficients),
  );
}

/** The inner product of two rows of numbers. */
export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, k) => sum + value * b[k]!, 0);
}
