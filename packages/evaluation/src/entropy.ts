import { CorellaError } from "@corella/errors";
import { bootstrapMetrics, confidenceGroups, type BootstrapOptions, type Interval } from "@corella/metrics";
import { checkModels, namingModel, titleOf, type ModelPredictions } from "./evaluate.ts";

/** Samples of similar confidence of the CRM, with each model's AUC on them. */
export interface ConfidenceGroup {
  /** `low`, `medium` or `high` confidence of the CRM; `1 of 5` (the lowest) to `5 of 5` for other numbers of groups. */
  readonly name: string;
  readonly count: number;
  /** Smallest and largest entropy of the group, in nats. */
  readonly entropyRange: readonly [number, number];
  /** AUC of each model on the group's samples; NaN where they have one label only. */
  readonly models: readonly { readonly name: string; readonly title: string; readonly auc: Interval }[];
}

/**
 * Figure 1 of the paper: the samples in equal groups by the CRM's entropy (in nats), from the least confident to the
 * most, and each model's AUC within them. All models see the same resamples; with `groups`, the user of each sample,
 * they draw whole users.
 * @throws CorellaError `evaluation/length-mismatch`, `evaluation/no-models`, `evaluation/no-samples`,
 * `evaluation/duplicate-model`, `evaluation/not-a-share`; `metrics/...` with the model's name as its place.
 */
export function confidenceGroupAuc(
  models: readonly ModelPredictions[],
  entropy: Float32Array,
  labels: Float32Array,
  groups = 3,
  options: BootstrapOptions = {},
): ConfidenceGroup[] {
  checkModels(models, labels);
  checkLength(entropy.length, labels.length, "entropy");
  if (options.groups !== undefined) checkLength(options.groups.length, labels.length, "groups");
  for (const { name, probabilities } of models) {
    checkLength(probabilities.length, labels.length, `model '${name}', probabilities`);
  }
  const fromLowest = confidenceGroups(entropy, groups).reverse();
  return fromLowest.map((rows, group) => {
    const select = (values: Float32Array): Float32Array => Float32Array.from(rows, (row) => values[row]!);
    const groupLabels = select(labels);
    const groupEntropy = select(entropy).sort();
    const users = options.groups;
    const groupOptions = { ...options, groups: users && Int32Array.from(rows, (row) => users[row]!) };
    return {
      name: groupName(group, groups),
      count: rows.length,
      entropyRange: [groupEntropy[0] ?? Number.NaN, groupEntropy.at(-1) ?? Number.NaN],
      models: models.map((model) => ({
        name: model.name,
        title: titleOf(model),
        auc: namingModel(
          model.name,
          () => bootstrapMetrics(select(model.probabilities), groupLabels, groupOptions).auc,
        ),
      })),
    };
  });
}

/** The name of a group, counted from 0 for the lowest confidence, among so many. */
export function groupName(group: number, groups: number): string {
  const names = { 1: ["all"], 2: ["low", "high"], 3: ["low", "medium", "high"] }[groups];
  return names?.[group] ?? `${group + 1} of ${groups}`;
}

/** A group's name as a heading says it: `low confidence`, `confidence 1 of 5`, `all samples`. */
export function groupTitle(name: string): string {
  if (name === "all") return "all samples";
  return name.includes(" of ") ? `confidence ${name}` : `${name} confidence`;
}

/** One bar of an `EntropyHistogram`. */
export interface EntropyBin {
  /** In nats; a sample at `to` is in the next bin, but for the last bin. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** How many of them have an entropy above the threshold, and so go to the LLM. */
  readonly countAboveThreshold: number;
}

/** How many samples have which prediction entropy of the CRM, and where the routing threshold lies. */
export interface EntropyHistogram {
  readonly bins: readonly EntropyBin[];
  readonly count: number;
  /** The routing threshold in nats, where there is one. */
  readonly threshold?: number | undefined;
  /** Share of the samples above the threshold. */
  readonly shareAboveThreshold?: number | undefined;
}

/**
 * Counts of the CRM's prediction entropies in bins of equal width over [0, log 2], in nats.
 * @throws CorellaError `evaluation/not-an-entropy`, `evaluation/bad-argument`.
 */
export function entropyHistogram(entropy: Float32Array, threshold?: number, bins = 40): EntropyHistogram {
  if (!Number.isSafeInteger(bins) || bins < 1 || Number.isNaN(threshold)) {
    throw new CorellaError({
      code: "evaluation/bad-argument",
      message: `A histogram of ${bins} bins with the threshold ${threshold} cannot be made.`,
      place: "entropyHistogram",
      remedy: "Give a whole number of bins, and a threshold in nats or none.",
    });
  }
  const counts = new Uint32Array(bins);
  const above = new Uint32Array(bins);
  for (const [row, value] of entropy.entries()) {
    // The largest entropy, log 2, is a little more in float32.
    if (!(value >= 0 && value <= Math.fround(Math.LN2))) throw notAnEntropy(value, row);
    const bin = Math.min(Math.floor((value / Math.LN2) * bins), bins - 1);
    counts[bin]! += 1;
    if (threshold !== undefined && value > threshold) above[bin]! += 1;
  }
  const total = above.reduce((sum, count) => sum + count, 0);
  return {
    bins: Array.from(counts, (count, bin) => ({
      from: (bin / bins) * Math.LN2,
      to: ((bin + 1) / bins) * Math.LN2,
      count,
      countAboveThreshold: above[bin]!,
    })),
    count: entropy.length,
    ...(threshold === undefined ? {} : { threshold, shareAboveThreshold: total / entropy.length }),
  };
}

function notAnEntropy(value: number, row: number): CorellaError {
  return new CorellaError({
    code: "evaluation/not-an-entropy",
    message: `The value ${value} is not the entropy of a yes-or-no prediction in nats.`,
    place: `entropy, row ${row}`,
    remedy: "Give what `route` of @corella/routing returns, between 0 and log 2 = 0.6931.",
  });
}

function checkLength(length: number, expected: number, place: string): void {
  if (length === expected) return;
  throw new CorellaError({
    code: "evaluation/length-mismatch",
    message: `There are ${length} values for ${expected} samples.`,
    place,
    remedy: "Give one value a sample, in the same order.",
  });
}
