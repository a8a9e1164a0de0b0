import { CorellaError } from "@corella/errors";
import { createGenerator } from "@corella/random";
import {
  checkedLabels,
  checkedProbabilities,
  checkSameLength,
  checkWholeNumber,
  type Numbers,
} from "./inputs.ts";
import { ascendingOrder } from "./ranking.ts";
import { rowHits, rowLogLosses } from "./summary.ts";

/** How many resamples are drawn, and how wide an interval is. */
export interface BootstrapOptions {
  /** Number of resamples, default 1,000. */
  readonly samples?: number;
  /** Default 1. The same seed gives the same resamples, here and in `bootstrapMetrics`. */
  readonly seed?: number;
  /** Coverage of the interval, default 0.95. */
  readonly level?: number;
}

/** The statistic of the rows as they are, and the percentile interval of its resamples. */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** AUC, logloss (in nats) and accuracy, each with its interval. */
export interface MetricIntervals {
  readonly auc: Interval;
  readonly logLoss: Interval;
  readonly accuracy: Interval;
}

/**
 * Percentile bootstrap over rows: `statistic` gets row numbers, drawn with replacement from [0, count). The array is
 * used again for the next resample. Resamples where the statistic is NaN (an AUC without positives) are left out.
 * Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
 * @throws CorellaError `metrics/bad-argument`.
 */
export function bootstrap(
  statistic: (rows: Uint32Array) => number,
  count: number,
  options: BootstrapOptions = {},
): Interval {
  checkWholeNumber(count, 0, "count");
  const { samples, seed, level } = checkedOptions(options);
  const estimate = statistic(Uint32Array.from({ length: count }, (_, row) => row));
  const generator = createGenerator(seed, "bootstrap");
  const rows = new Uint32Array(count);
  const replicates = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    for (let i = 0; i < count; i++) rows[i] = generator.integer(count);
    replicates[sample] = statistic(rows);
  }
  return percentileInterval(estimate, replicates, level);
}

/**
 * Bootstrap intervals of AUC, logloss and accuracy. The rows are sorted once; a resample is a count of how often each
 * row was drawn, so that it takes time linear in the rows.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`, `metrics/bad-argument`.
 */
export function bootstrapMetrics(
  probabilities: Numbers,
  labels: Numbers,
  options: BootstrapOptions = {},
): MetricIntervals {
  const checked = checkedProbabilities(probabilities);
  const checkedLabel = checkedLabels(labels, checked.length);
  const model = weightedMetrics(checked, checkedLabel);
  return resampleMetrics(checked.length, model, options);
}

/**
 * Bootstrap intervals of the differences, A minus B, of two models on the same rows; each resample draws the same rows
 * for both. An interval that does not hold 0 is a significant difference at 1 - level.
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`, `metrics/bad-argument`.
 */
export function bootstrapDifference(
  probabilitiesA: Numbers,
  probabilitiesB: Numbers,
  labels: Numbers,
  options: BootstrapOptions = {},
): MetricIntervals {
  const checkedA = checkedProbabilities(probabilitiesA, "probabilitiesA");
  const checkedB = checkedProbabilities(probabilitiesB, "probabilitiesB");
  checkSameLength(checkedA.length, checkedB.length, "probabilitiesB");
  const checkedLabel = checkedLabels(labels, checkedA.length);
  const modelA = weightedMetrics(checkedA, checkedLabel);
  const modelB = weightedMetrics(checkedB, checkedLabel);
  const difference: WeightedMetrics = (weights) => {
    const a = modelA(weights);
    const b = modelB(weights);
    return { auc: a.auc - b.auc, logLoss: a.logLoss - b.logLoss, accuracy: a.accuracy - b.accuracy };
  };
  return resampleMetrics(checkedA.length, difference, options);
}

/** The metrics of the rows where row i stands `weights[i]` times. */
type WeightedMetrics = (weights: Uint32Array) => { auc: number; logLoss: number; accuracy: number };

function weightedMetrics(probabilities: Float64Array, labels: Uint8Array): WeightedMetrics {
  const order = ascendingOrder(probabilities);
  const endsTie = Uint8Array.from(order, (row, i) => {
    const next = order[i + 1];
    return next === undefined || probabilities[next] !== probabilities[row] ? 1 : 0;
  });
  const losses = rowLogLosses(probabilities, labels);
  const hits = rowHits(probabilities, labels, 0.5);

  return (weights) => {
    let wins = 0; // positives over negatives, a tie counting one half
    let positives = 0;
    let negatives = 0;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (let i = 0; i < order.length; i++) {
      const row = order[i]!;
      const positive = labels[row]! * weights[row]!;
      tiedPositives += positive;
      tiedNegatives += weights[row]! - positive;
      if (endsTie[i] === 0) continue;
      wins += tiedPositives * (negatives + tiedNegatives / 2);
      positives += tiedPositives;
      negatives += tiedNegatives;
      tiedPositives = 0;
      tiedNegatives = 0;
    }
    let loss = 0;
    let hit = 0;
    for (let row = 0; row < losses.length; row++) {
      loss += weights[row]! * losses[row]!;
      hit += weights[row]! * hits[row]!;
    }
    const count = positives + negatives;
    return { auc: wins / (positives * negatives), logLoss: loss / count, accuracy: hit / count };
  };
}

function resampleMetrics(
  count: number,
  metrics: WeightedMetrics,
  options: BootstrapOptions,
): MetricIntervals {
  const { samples, seed, level } = checkedOptions(options);
  const weights = new Uint32Array(count).fill(1);
  const estimate = metrics(weights);
  const replicates = {
    auc: new Float64Array(samples),
    logLoss: new Float64Array(samples),
    accuracy: new Float64Array(samples),
  };
  const generator = createGenerator(seed, "bootstrap");
  for (let sample = 0; sample < samples; sample++) {
    weights.fill(0);
    for (let i = 0; i < count; i++) weights[generator.integer(count)]! += 1;
    const replicate = metrics(weights);
    replicates.auc[sample] = replicate.auc;
    replicates.logLoss[sample] = replicate.logLoss;
    replicates.accuracy[sample] = replicate.accuracy;
  }
  return {
    auc: percentileInterval(estimate.auc, replicates.auc, level),
    logLoss: percentileInterval(estimate.logLoss, replicates.logLoss, level),
    accuracy: percentileInterval(estimate.accuracy, replicates.accuracy, level),
  };
}

function percentileInterval(estimate: number, replicates: Float64Array, level: number): Interval {
  const sorted = replicates.filter((value) => !Number.isNaN(value)).sort();
  return { estimate, low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) };
}

/** Linear between the neighbours (type 7 of Hyndman & Fan, 1996, numpy's default). NaN of nothing. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

function checkedOptions({
  samples = 1000,
  seed = 1,
  level = 0.95,
}: BootstrapOptions): Required<BootstrapOptions> {
  checkWholeNumber(samples, 1, "samples");
  checkWholeNumber(seed, 0, "seed");
  if (!(level > 0 && level < 1)) {
    throw new CorellaError({
      code: "metrics/bad-argument",
      message: `level is ${level}, and must be between 0 and 1.`,
      place: "level",
      remedy: "Give 0.95 for a 95 % interval.",
    });
  }
  return { samples, seed, level };
}
