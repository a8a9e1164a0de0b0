import { CorellaError } from "@corella/errors";
import { createGenerator, type Generator } from "@corella/random";
import { summarised, resampled, type MetricDifferences } from "./bootstrap.ts";
import { checkedLabels, checkedProbabilities, checkSameLength, type Numbers } from "./inputs.ts";
import { differenceInterval, resamplePlan, type BootstrapOptions } from "./resamples.ts";
import { minus, weightedMetrics, type MetricValues, type WeightedMetrics } from "./weighted-metrics.ts";

/**
 * How two systems differ, A minus B, that were each trained with the same seeds, in mean over the seeds: the intervals
 * hold both what another seed and what other users (`groups`; else rows) would change. Each resample draws users, the
 * same for all seeds and both systems, and of S seeds S - 1 with replacement: so many make the variance of a mean over
 * seeds neither too small nor too large (all S would make it too small by (S - 1) / S, a third of three seeds).
 * Of one seed it is the difference by users alone. With few seeds read it beside `pairedTTest`, which knows how few.
 * Source of S - 1: Rao & Wu, Resampling Inference with Complex Survey Data, JASA 1988, section 2.
 * @param runsA probabilities of A, one array a seed; `runsB` has those of the same seeds in the same order
 * @throws CorellaError `metrics/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`, `metrics/bad-argument`;
 * `metrics/too-few` without a seed.
 */
export function bootstrapSeedDifference(
  runsA: readonly Numbers[],
  runsB: readonly Numbers[],
  labels: Numbers,
  options: BootstrapOptions = {},
): MetricDifferences {
  if (runsA.length === 0 || runsB.length !== runsA.length) {
    throw new CorellaError({
      code: runsA.length === 0 ? "metrics/too-few" : "metrics/length-mismatch",
      message: `There are ${runsA.length} runs of one system and ${runsB.length} of the other.`,
      place: "runsB",
      remedy: "Give the runs of both with the same seeds, one at least, in the same order.",
    });
  }
  const checkedLabel = checkedLabels(labels, labels.length);
  const differences = runsA.map((runA, seed) => {
    const [a, b] = [runA, runsB[seed]!].map((run, system) => {
      const name = `${"AB"[system]!}, run ${seed}`;
      const probabilities = checkedProbabilities(run, name);
      checkSameLength(labels.length, probabilities.length, name);
      return weightedMetrics(probabilities, checkedLabel);
    });
    return (weights: Uint32Array) => minus(a!(weights), b!(weights));
  });
  const plan = resamplePlan(labels.length, options);
  const generator = createGenerator(plan.seed, "bootstrap/seeds");
  const once = new Uint32Array(runsA.length).fill(1);
  const result = resampled(
    labels.length,
    (weights) => weightedMean(differences, once, weights),
    plan,
    (weights) => weightedMean(differences, drawnSeeds(generator, runsA.length), weights),
  );
  return summarised(result, plan.level, differenceInterval);
}

/** How often each of the seeds was drawn; a single one always is. */
function drawnSeeds(generator: Generator, count: number): Uint32Array {
  const times = new Uint32Array(count);
  for (let i = 0; i < Math.max(1, count - 1); i++) times[generator.integer(count)]! += 1;
  return times;
}

/** The mean over the seeds; those that were not drawn cost no time. */
function weightedMean(
  differences: readonly WeightedMetrics[],
  times: Uint32Array,
  weights: Uint32Array,
): MetricValues {
  const sum = { auc: 0, logLoss: 0, accuracy: 0 };
  let count = 0;
  for (const [seed, difference] of differences.entries()) {
    if (times[seed] === 0) continue;
    const { auc, logLoss, accuracy } = difference(weights);
    sum.auc += times[seed]! * auc;
    sum.logLoss += times[seed]! * logLoss;
    sum.accuracy += times[seed]! * accuracy;
    count += times[seed]!;
  }
  return { auc: sum.auc / count, logLoss: sum.logLoss / count, accuracy: sum.accuracy / count };
}
