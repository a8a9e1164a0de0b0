import { checkedLabels, checkedProbabilities, type Numbers } from "./inputs.ts";
import { aucOfChecked } from "./ranking.ts";

/** Probabilities are kept this far from 0 and 1 before the logarithm: the float64 epsilon, as scikit-learn has it. */
const logLossEpsilon: number = Number.EPSILON;

/**
 * Mean negative log-likelihood of the labels, in nats. Probabilities are clipped to [eps, 1 - eps] with eps = 2^-52.
 * NaN for no rows.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function logLoss(probabilities: Numbers, labels: Numbers): number {
  const checked = checkedProbabilities(probabilities);
  return mean(rowLogLosses(checked, checkedLabels(labels, checked.length)));
}

/**
 * Share of rows whose label is the predicted one: 1 where the probability is at least the threshold, else 0. NaN for no
 * rows.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function accuracy(probabilities: Numbers, labels: Numbers, threshold = 0.5): number {
  const checked = checkedProbabilities(probabilities);
  return mean(rowHits(checked, checkedLabels(labels, checked.length), threshold));
}

/** The figures of a row in the paper's table 1. */
export interface Summary {
  /** NaN when there is only one class. */
  readonly auc: number;
  /** In nats. */
  readonly logLoss: number;
  /** At threshold 0.5. */
  readonly accuracy: number;
  readonly count: number;
  readonly positives: number;
}

/**
 * AUC, logloss and accuracy of probabilities.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function summary(probabilities: Numbers, labels: Numbers): Summary {
  const checked = checkedProbabilities(probabilities);
  const checkedLabel = checkedLabels(labels, checked.length);
  return {
    auc: aucOfChecked(checked, checkedLabel),
    logLoss: mean(rowLogLosses(checked, checkedLabel)),
    accuracy: mean(rowHits(checked, checkedLabel, 0.5)),
    count: checked.length,
    positives: checkedLabel.reduce((sum, label) => sum + label, 0),
  };
}

/** The loss of each row, in nats. */
export function rowLogLosses(probabilities: Float64Array, labels: Uint8Array): Float64Array {
  return probabilities.map((probability, row) => {
    const p = Math.min(Math.max(probability, logLossEpsilon), 1 - logLossEpsilon);
    return labels[row] === 1 ? -Math.log(p) : -Math.log1p(-p);
  });
}

/** 1 for each row that is predicted right, else 0. */
export function rowHits(probabilities: Float64Array, labels: Uint8Array, threshold: number): Float64Array {
  return probabilities.map((probability, row) => Number(probability >= threshold === (labels[row] === 1)));
}

/** The arithmetic mean; NaN of nothing. */
export function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
