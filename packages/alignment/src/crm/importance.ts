import { crmOf, idFeeds, type TrainedCrm } from "@corella/bundle";
import { crmInferenceProgram, scoreBatches } from "@corella/crm";
import { auc, logLoss, spread, type Spread } from "@corella/metrics";
import { encodeRows, featureGroups, type FeatureGroup, type IdBatch } from "@corella/modality";
import { createGenerator, permutation } from "@corella/random";
import { randomSubset } from "../data.ts";
import type { Run } from "../run.ts";
import { validationRows } from "../scored-rows.ts";
import { scoringBatch } from "./crm-training.ts";

/** What a CRM loses without what one feature tells of the samples. */
export interface FeatureImportance {
  readonly name: string;
  /** How much the AUC falls; below 0 where it rises. */
  readonly auc: Spread;
  /** How much the logloss rises, in nats. */
  readonly logLoss: Spread;
}

/** What the features of a CRM are worth to it, in the order of the configuration. */
export interface CrmImportance {
  /** Rows of the validation part on which it was measured, and how often each feature was shuffled on them. */
  readonly rows: number;
  readonly shuffles: number;
  /** Of the CRM on these rows as they are. */
  readonly auc: number;
  readonly logLoss: number;
  readonly features: readonly FeatureImportance[];
}

/** Validation rows that are looked at. */
const mostRows = 10_000;
const shuffles = 3;

/**
 * Permutation importance of a trained CRM on a random subset of the validation part: see `permutationImportance`.
 * Progress is told as a phase of scoring.
 */
export async function crmImportance(
  {
    config,
    data,
    runtime,
    listener,
    signal,
  }: Pick<Run, "config" | "data" | "runtime" | "listener" | "signal">,
  crm: TrainedCrm,
): Promise<CrmImportance> {
  const { featureMap } = crm;
  const groups = featureGroups(featureMap);
  const rows = randomSubset(validationRows(config, data).held, mostRows, config.seed, "importance");
  const inference = await runtime.infer(crmInferenceProgram(crmOf(crm.config, featureMap)), crm.values);
  try {
    listener.phaseStarted?.({
      name: "scoring",
      title: "Importance of the CRM's features",
      steps: groups.length,
      step: 0,
      samplesPerStep: shuffles * rows.length,
      validations: [],
    });
    const score = ({ size, features }: IdBatch): Promise<Float32Array> => {
      const feeds = function* (): Generator<ReturnType<typeof idFeeds>> {
        for (let start = 0; start < size; start += scoringBatch) {
          const part = slice({ size, features }, start, Math.min(size, start + scoringBatch));
          yield idFeeds(featureMap.features, part);
        }
      };
      return scoreBatches(inference, feeds(), size);
    };
    return await permutationImportance(groups, encodeRows(featureMap, data.log, rows), score, {
      seed: config.seed,
      shuffles,
      measured(count) {
        signal?.throwIfAborted();
        listener.stepDone?.("scoring", count, Number.NaN);
      },
    });
  } finally {
    await inference.dispose();
  }
}

/**
 * Permutation importance (Breiman, Random Forests, Machine Learning 45, 2001, sec. 10): how much worse a model ranks when
 * the values of one feature are shuffled among the samples, all columns and events of the feature together. What two
 * features both tell is shared between them, or credited to neither: shuffling one leaves the other.
 * @param batch the samples with their labels, of both classes
 * @param score P(label = 1) of each sample of a batch
 * @param measured is called after each feature with their number so far
 */
export async function permutationImportance(
  groups: readonly FeatureGroup[],
  batch: IdBatch,
  score: (batch: IdBatch) => Promise<Float32Array>,
  options: { readonly seed: number; readonly shuffles: number; measured?(count: number): void },
): Promise<CrmImportance> {
  const labels = batch.labels!;
  const figures = async (samples: IdBatch): Promise<{ auc: number; logLoss: number }> => {
    const probabilities = await score(samples);
    return { auc: auc(probabilities, labels), logLoss: logLoss(probabilities, labels) };
  };
  const whole = await figures(batch);
  const features: FeatureImportance[] = [];
  for (const { name, columns } of groups) {
    const falls: number[] = [];
    const rises: number[] = [];
    for (let shuffle = 0; shuffle < options.shuffles; shuffle++) {
      // A stream of its own: what one feature is worth does not depend on which others there are.
      const order = permutation(batch.size, createGenerator(options.seed, `importance/${name}`, shuffle));
      const shuffled = { ...batch.features };
      for (const column of columns) shuffled[column] = reordered(batch.features[column]!, order);
      const without = await figures({ ...batch, features: shuffled });
      falls.push(whole.auc - without.auc);
      rises.push(without.logLoss - whole.logLoss);
    }
    features.push({ name, auc: spread(falls), logLoss: spread(rises) });
    options.measured?.(features.length);
  }
  return { rows: batch.size, shuffles: options.shuffles, ...whole, features };
}

/** A column with the samples' values in another order. @param column [size] or [size * width] */
function reordered<Column extends Int32Array | Float32Array>(column: Column, order: Uint32Array): Column {
  const width = column.length / order.length;
  const moved = column.slice() as Column;
  for (let i = 0; i < order.length; i++) {
    for (let j = 0; j < width; j++) moved[i * width + j] = column[order[i]! * width + j]!;
  }
  return moved;
}

/** Some samples of a batch, as views. */
function slice({ size, features }: IdBatch, start: number, end: number): IdBatch {
  const views = Object.entries(features).map(([name, column]): [string, Int32Array | Float32Array] => {
    const width = column.length / size;
    return [name, column.subarray(start * width, end * width)];
  });
  return { size: end - start, features: Object.fromEntries(views) };
}
