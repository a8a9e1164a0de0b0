import { checkedLabels, checkedProbabilities, checkWholeNumber, type Numbers } from "./inputs.ts";

/** One bin of a reliability diagram. */
export interface CalibrationBin {
  readonly count: number;
  /** NaN in an empty bin, as is `positiveRate`. */
  readonly meanProbability: number;
  readonly positiveRate: number;
}

/**
 * The reliability diagram: `bins` bins of equal width over [0, 1]; a probability on an edge is in the upper bin, 1 in the last.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`, `metrics/bad-argument`.
 */
export function calibrationCurve(probabilities: Numbers, labels: Numbers, bins = 15): CalibrationBin[] {
  checkWholeNumber(bins, 1, "bins");
  const checked = checkedProbabilities(probabilities);
  const checkedLabel = checkedLabels(labels, checked.length);
  const counts = new Float64Array(bins);
  const probabilitySums = new Float64Array(bins);
  const positives = new Float64Array(bins);
  for (let row = 0; row < checked.length; row++) {
    // 0.29 * 100 is a little below 29: the edge itself decides.
    const near = Math.round(checked[row]! * bins);
    const bin = Math.min(checked[row]! >= near / bins ? near : near - 1, bins - 1);
    counts[bin]! += 1;
    probabilitySums[bin]! += checked[row]!;
    positives[bin]! += checkedLabel[row]!;
  }
  return Array.from(counts, (count, bin) => ({
    count,
    meanProbability: probabilitySums[bin]! / count,
    positiveRate: positives[bin]! / count,
  }));
}

/**
 * ECE: the mean over the rows of |mean probability - positive rate| of the row's bin, with bins of equal width.
 * NaN for no rows. Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, eq. 5, for the positive class.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`, `metrics/bad-argument`.
 */
export function expectedCalibrationError(probabilities: Numbers, labels: Numbers, bins = 15): number {
  let sum = 0;
  for (const bin of calibrationCurve(probabilities, labels, bins)) {
    if (bin.count > 0) sum += bin.count * Math.abs(bin.meanProbability - bin.positiveRate);
  }
  return sum / probabilities.length;
}
