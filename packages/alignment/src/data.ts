import { idFeeds } from "@corella/bundle";
import type { Batch } from "@corella/engine";
import {
  catalogueFromLog,
  defaultFeatures,
  encodeRows,
  fitFeatureMap,
  prepareLog,
  splitLog,
  type Catalogue,
  type FeatureMap,
  type InteractionLog,
  type LogSplit,
} from "@corella/modality";
import { createGenerator, permutation } from "@corella/random";
import type { RunConfig } from "./config/config.ts";

/** A log, split and fitted: both modalities of any of its rows. */
export interface PreparedData {
  readonly log: InteractionLog;
  readonly split: LogSplit;
  /** Fitted on the training part: of a recipe with a CRM at once, otherwise when it is first asked for. */
  readonly featureMap: FeatureMap;
  readonly catalogue: Catalogue;
  /** Where prepared data are kept. */
  readonly cacheFolder: string;
  /** 0 or 1 for each row. */
  labels(rows: ArrayLike<number>): Float32Array;
  /** The ID modality of rows as a CRM's inputs, their names prefixed. */
  crmBatch(rows: Uint32Array, prefix?: string): Batch;
}

/**
 * Loads, splits and fits the log of a configuration.
 * @param baseFolder relative paths of the configuration start here
 * @param cacheFolder what was prepared before is read from here
 * @throws CorellaError those of `prepareLog`, `splitLog` and `fitFeatureMap`
 */
export async function prepareData(
  config: RunConfig,
  baseFolder: string,
  cacheFolder: string,
): Promise<PreparedData> {
  const { log } = await prepareLog(config.data, { baseFolder, cacheFolder });
  const split = splitLog(log, config.data);
  let fitted: FeatureMap | undefined;
  const featureMap = (): FeatureMap =>
    (fitted ??= fitFeatureMap(config.features ?? defaultFeatures(log), log, split.train, {
      scratchFolder: cacheFolder,
    }));
  // What is wrong with the features is said before the first phase; running statistics that nothing reads are not counted.
  if (config.recipe !== "llm-only") featureMap();
  return {
    log,
    split,
    get featureMap() {
      return featureMap();
    },
    catalogue: catalogueFromLog(log),
    cacheFolder,
    labels: (rows) => Float32Array.from(rows, (row) => log.label[row]!),
    crmBatch: (rows, prefix) => {
      const map = featureMap();
      return idFeeds(map.features, encodeRows(map, log, rows), prefix);
    },
  };
}

/** The rows of the test part that a run scores, and of the validation part on which its router is fitted. */
export function scoredRows(
  { seed, routing, testSamples }: RunConfig,
  { log, split }: PreparedData,
): { readonly validation: Uint32Array; readonly test: Uint32Array } {
  return {
    validation: rowsOfUsers(log, split.validation, routing.validationSamples, seed, "validation"),
    test: rowsOfUsers(log, split.test, testSamples ?? split.test.length, seed, "test"),
  };
}

/** Labels as an input of a program: `label` float32 [batch]. */
export function labelFeed(labels: Float32Array): Batch {
  return { label: { shape: [labels.length], data: labels } };
}

/** A random subset of rows, decided by seed and purpose; all rows when there are not more. */
export function randomSubset(rows: Uint32Array, size: number, seed: number, purpose: string): Uint32Array {
  if (size >= rows.length) return rows;
  const order = permutation(rows.length, createGenerator(seed, `subset/${purpose}`));
  return order
    .slice(0, size)
    .map((position) => rows[position]!)
    .sort();
}

/**
 * Rows of random users, all of each, decided by seed and purpose: at least `size` rows, as few as it takes; all rows when
 * there are not more. Prompts of one user's rows go on from one another, and what is said of users needs whole ones.
 * @returns the rows in ascending order
 */
export function rowsOfUsers(
  { user, users }: InteractionLog,
  rows: Uint32Array,
  size: number,
  seed: number,
  purpose: string,
): Uint32Array {
  if (size >= rows.length) return rows;
  const counts = new Uint32Array(users.ids.length);
  for (const row of rows) counts[user[row]!]! += 1;
  const chosen = new Uint8Array(counts.length);
  let left = size;
  for (const one of permutation(counts.length, createGenerator(seed, `users/${purpose}`))) {
    if (left <= 0) break;
    chosen[one] = 1;
    left -= counts[one]!;
  }
  return rows.filter((row) => chosen[user[row]!] === 1);
}
