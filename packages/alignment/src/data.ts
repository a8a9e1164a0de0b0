import { idFeeds } from "@corella/bundle";
import type { Batch } from "@corella/engine";
import {
  catalogueFromLog,
  checkInputs,
  defaultFeatures,
  encodeRows,
  fitFeatureMap,
  prepareLog,
  readFeatureVectors,
  splitLog,
  type Catalogue,
  type FeatureMap,
  type InteractionLog,
  type LogSplit,
  type Warning,
} from "@corella/modality";
import { createGenerator, permutation } from "@corella/random";
import type { RunConfig } from "./config/config.ts";
import { recipeNeeds } from "./config/recipe-names.ts";
import { keyOfRead } from "./data-key.ts";

/** A log and its parts. */
export interface LogParts {
  readonly log: InteractionLog;
  readonly split: LogSplit;
  readonly catalogue: Catalogue;
}

/** A log, split and fitted: both modalities of any of its rows. */
export interface PreparedData extends LogParts {
  /** Fitted on the training part: of a recipe with a CRM at once, otherwise when it is first asked for. */
  readonly featureMap: FeatureMap;
  /** What looks wrong in the data, or in what features and prompt use of them. */
  readonly warnings: readonly Warning[];
  /** Where prepared data are kept. */
  readonly cacheFolder: string;
  /** Tells what was read: the same of other files that hold the same. */
  readonly key: string;
  /** 0 or 1 for each row. */
  labels(rows: ArrayLike<number>): Float32Array;
  /** The ID modality of rows as a CRM's inputs, their names prefixed. */
  crmBatch(rows: Uint32Array, prefix?: string): Batch;
}

/**
 * Loads, splits and fits the log of a configuration.
 * @param baseFolder relative paths of the configuration start here
 * @param cacheFolder what was prepared before is read from here
 * @throws CorellaError those of `prepareLog`, `splitLog`, `checkInputs`, `readFeatureVectors` and `fitFeatureMap`
 */
export async function prepareData(
  config: RunConfig,
  baseFolder: string,
  cacheFolder: string,
): Promise<PreparedData> {
  const read = await prepareLog(config.data, { baseFolder, cacheFolder });
  const { log } = read;
  const split = splitLog(log, config.data);
  const needs = recipeNeeds[config.recipe];
  // The default features look up no vectors.
  const vectors = needs.crm ? await readFeatureVectors(config.features ?? [], baseFolder) : undefined;
  let fitted: FeatureMap | undefined;
  const featureMap = (): FeatureMap =>
    (fitted ??= fitFeatureMap(config.features ?? defaultFeatures(log), log, split.train, {
      scratchFolder: cacheFolder,
      vectors,
    }));
  const warnings = [
    ...log.report.warnings,
    ...checkInputs(log, split.train, {
      ...(needs.crm && { features: config.features ?? defaultFeatures(log) }),
      ...(needs.prompt && { prompt: config.prompt }),
    }),
  ];
  // What is wrong with the features is said before the first phase; running statistics that nothing reads are not counted.
  if (needs.crm) featureMap();
  return {
    log,
    split,
    warnings,
    get featureMap() {
      return featureMap();
    },
    catalogue: catalogueFromLog(log),
    cacheFolder,
    get key() {
      return keyOfRead(read, vectors);
    },
    labels: (rows) => Float32Array.from(rows, (row) => log.label[row]!),
    crmBatch: (rows, prefix) => {
      const map = featureMap();
      return idFeeds(map.features, encodeRows(map, log, rows), prefix);
    },
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
