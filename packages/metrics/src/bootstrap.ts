import {
  checkedLabels,
  checkedProbabilities,
  checkSameLength,
  checkWholeNumber,
  type Numbers,
} from "./inputs.ts";
import {
  differenceInterval,
  percentileInterval,
  resampleCount,
  resamplePlan,
  weightDraws,
  type BootstrapOptions,
  type DifferenceInterval,
  type Interval,
  type ResamplePlan,
} from "./resamples.ts";
import { minus, weightedMetrics, type MetricValues, type WeightedMetrics } from "./weighted-metrics.ts";

/** AUC, logloss (in nats) and accuracy, each with its interval. */
export interface MetricIntervals {
  readonly auc: Interval;
  readonly logLoss: Interval;
  readonly accuracy: Interval;
}

/** How two models differ in AUC, logloss (in nats) and accuracy, each with its interval and p-value. */
export interface MetricDifferences {
  readonly auc: DifferenceInterval;
  readonly logLoss: DifferenceInterval;
  readonly accuracy: DifferenceInterval;
}

/**
 * Percentile bootstrap: `statistic` gets row numbers of [0, count), drawn with replacement row by row, or user by user
 * where `groups` tells the users. The array is used again for the next resample. Resamples where the statistic is NaN
 * (an AUC without positives) are left out, and of one row or one user alone there is no interval (NaN).
 * Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
 * @throws CorellaError `metrics/bad-argument`, `metrics/length-mismatch`.
 */
export function bootstrap(
  statistic: (rows: Uint32Array) => number,
  count: number,
  options: BootstrapOptions = {},
): Interval {
  checkWholeNumber(count, 0, "count");
  const plan = resamplePlan(count, options);
  const estimate = statistic(Uint32Array.from({ length: count }, (_, row) => row));
  const draw = weightDraws(plan);
  const weights = new Uint32Array(count);
  let buffer = new Uint32Array(count);
  const replicates = new Float64Array(plan.samples).fill(Number.NaN);
  for (let sample = 0; sample < resampleCount(plan); sample++) {
    draw(weights);
    const size = weights.reduce((sum, weight) => sum + weight, 0);
    if (size > buffer.length) buffer = new Uint32Array(size);
    let end = 0;
    for (let row = 0; row < count; row++) {
      buffer.fill(row, end, end + weights[row]!);
      end += weights[row]!;
    }
    replicates[sample] = statistic(buffer.subarray(0, size));
  }
  return percentileInterval(estimate, replicates, plan.level);
}

/**
 * Bootstrap intervals of AUC, logloss and accuracy, by rows or by the users that `groups` tells. The rows are sorted
 * once; a resample is a count of how often each row was drawn, so that it takes time linear in the rows.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`, `metrics/bad-argument`.
 */
export function bootstrapMetrics(
  probabilities: Numbers,
  labels: Numbers,
  options: BootstrapOptions = {},
): MetricIntervals {
  const checked = checkedProbabilities(probabilities);
  const metrics = weightedMetrics(checked, checkedLabels(labels, checked.length));
  const plan = resamplePlan(checked.length, options);
  return summarised(resampled(checked.length, metrics, plan), plan.level, percentileInterval);
}

/**
 * Bootstrap intervals and p-values of the differences, A minus B, of two models on the same rows; each resample draws
 * the same rows (or users, by `groups`) for both. An interval that does not hold 0 is a significant difference at
 * 1 - level.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`, `metrics/bad-argument`.
 * @example
 * ```ts
 * import { bootstrapDifference } from "@corella/metrics";
 *
 * const labels = Array.from({ length: 200 }, (_, row) => row % 2);
 * const good = labels.map((label, row) => (label === 1 ? 0.6 : 0.4) + (row % 7) / 50);
 * const poor = labels.map((_, row) => 0.3 + (row % 11) / 50);
 * const { auc } = bootstrapDifference(good, poor, labels, { samples: 200, seed: 1 });
 * console.log(auc.low > 0); // true
 * ```
 */
export function bootstrapDifference(
  probabilitiesA: Numbers,
  probabilitiesB: Numbers,
  labels: Numbers,
  options: BootstrapOptions = {},
): MetricDifferences {
  const checkedA = checkedProbabilities(probabilitiesA, "probabilitiesA");
  const checkedB = checkedProbabilities(probabilitiesB, "probabilitiesB");
  checkSameLength(checkedA.length, checkedB.length, "probabilitiesB");
  const checkedLabel = checkedLabels(labels, checkedA.length);
  const modelA = weightedMetrics(checkedA, checkedLabel);
  const modelB = weightedMetrics(checkedB, checkedLabel);
  const plan = resamplePlan(checkedA.length, options);
  const difference: WeightedMetrics = (weights) => minus(modelA(weights), modelB(weights));
  return summarised(resampled(checkedA.length, difference, plan), plan.level, differenceInterval);
}

/** One of several models on the same rows: its metrics, and how it differs from the model that all are compared with. */
export interface ModelIntervals {
  readonly metrics: MetricIntervals;
  /** Absent of the model that the others are compared with, and where there is none. */
  readonly difference?: MetricDifferences;
}

/**
 * What `bootstrapMetrics` says of each model, and `bootstrapDifference` of each against one of them, from one pass: resamples
 * are drawn once for all models, and each model is computed once in a resample.
 * @param models their probabilities @param baseline place of the model that the others are compared with
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`, `metrics/bad-argument`.
 */
export function bootstrapModels(
  models: readonly Numbers[],
  labels: Numbers,
  { baseline, ...options }: BootstrapOptions & { readonly baseline?: number | undefined } = {},
): ModelIntervals[] {
  const checked = models.map((probabilities) => checkedProbabilities(probabilities));
  const count = labels.length;
  const plan = resamplePlan(count, options);
  const computed = checked.map((probabilities) => {
    const checkedLabel = checkedLabels(labels, probabilities.length);
    return startResampling(count, weightedMetrics(probabilities, checkedLabel), plan);
  });
  const weights = new Uint32Array(count);
  const draw = weightDraws(plan);
  for (let sample = 0; sample < resampleCount(plan); sample++) {
    draw(weights);
    for (const { add } of computed) add(sample, weights);
  }
  const base = baseline === undefined ? undefined : computed[baseline];
  return computed.map(({ result }, place) => ({
    metrics: summarised(result, plan.level, percentileInterval),
    ...(base === undefined || place === baseline
      ? {}
      : { difference: summarised(without(result, base.result), plan.level, differenceInterval) }),
  }));
}

/** One model's metrics less another's, resample by resample. */
function without(a: Resampled, b: Resampled): Resampled {
  const less = (of: keyof MetricValues): Float64Array =>
    a.replicates[of].map((value, sample) => value - b.replicates[of][sample]!);
  return {
    estimate: minus(a.estimate, b.estimate),
    replicates: { auc: less("auc"), logLoss: less("logLoss"), accuracy: less("accuracy") },
  };
}

/** Metrics of the rows as they are, and of each resample. */
export interface Resampled {
  readonly estimate: MetricValues;
  readonly replicates: Readonly<Record<keyof MetricValues, Float64Array>>;
}

/** The metrics of so many rows and of their resamples. @param ofResample where a resample draws something beside the rows */
export function resampled(
  count: number,
  metrics: WeightedMetrics,
  plan: ResamplePlan,
  ofResample: WeightedMetrics = metrics,
): Resampled {
  const { result, add } = startResampling(count, metrics, plan, ofResample);
  const weights = new Uint32Array(count);
  const draw = weightDraws(plan);
  for (let sample = 0; sample < resampleCount(plan); sample++) {
    draw(weights);
    add(sample, weights);
  }
  return result;
}

/** The metrics of the rows as they are, and a place for those of each resample, which `add` computes. */
function startResampling(
  count: number,
  metrics: WeightedMetrics,
  { samples }: ResamplePlan,
  ofResample: WeightedMetrics = metrics,
): { readonly result: Resampled; add(sample: number, weights: Uint32Array): void } {
  const replicates = {
    auc: new Float64Array(samples).fill(Number.NaN),
    logLoss: new Float64Array(samples).fill(Number.NaN),
    accuracy: new Float64Array(samples).fill(Number.NaN),
  };
  return {
    result: { estimate: metrics(new Uint32Array(count).fill(1)), replicates },
    add(sample, weights) {
      const replicate = ofResample(weights);
      replicates.auc[sample] = replicate.auc;
      replicates.logLoss[sample] = replicate.logLoss;
      replicates.accuracy[sample] = replicate.accuracy;
    },
  };
}

/** What `interval` makes of each metric's replicates. */
export function summarised<T>(
  { estimate, replicates }: Resampled,
  level: number,
  interval: (estimate: number, replicates: Float64Array, level: number) => T,
): Record<keyof MetricValues, T> {
  return {
    auc: interval(estimate.auc, replicates.auc, level),
    logLoss: interval(estimate.logLoss, replicates.logLoss, level),
    accuracy: interval(estimate.accuracy, replicates.accuracy, level),
  };
}
