import { idFeeds } from "@corella/bundle";
import type { Batch } from "@corella/engine";
import { createGenerator, permutation } from "@corella/random";
import {
  catalogueFromLog,
  createPrompt,
  encodeRows,
  fitFeatureMap,
  prepareLog,
  recordAt,
  splitLog,
  type Catalogue,
  type FeatureMap,
  type InteractionLog,
  type LogSplit,
  type Prompt,
  type PromptConfig,
} from "@corella/modality";
import type { RunConfig } from "./config.ts";

/** A log, split and fitted: both modalities of any of its rows. */
export interface PreparedData {
  readonly log: InteractionLog;
  readonly split: LogSplit;
  /** Fitted on the training part. */
  readonly featureMap: FeatureMap;
  readonly catalogue: Catalogue;
  /** Where prepared data are kept. */
  readonly cacheFolder: string;
  /** 0 or 1 for each row. */
  labels(rows: ArrayLike<number>): Float32Array;
  /** ID modality, with the program's input names prefixed. */
  crmBatch(rows: Uint32Array, prefix?: string): Batch;
}

/**
 * Loads the log of a configuration.
 * @param baseFolder relative paths of the configuration start here
 * @param cacheFolder what was prepared before is read from here
 */
export async function prepareData(
  config: RunConfig,
  baseFolder: string,
  cacheFolder: string,
): Promise<PreparedData> {
  const { log } = await prepareLog(config.data, { baseFolder, cacheFolder });
  const split = splitLog(log, config.data);
  const featureMap = fitFeatureMap(config.features, log, split.train);
  return {
    log,
    split,
    featureMap,
    catalogue: catalogueFromLog(log),
    cacheFolder,
    labels: (rows) => Float32Array.from(rows, (row) => log.label[row]!),
    crmBatch: (rows, prefix) => idFeeds(featureMap.features, encodeRows(featureMap, log, rows), prefix),
  };
}

/** Text modality of rows of a log. */
export function renderPrompts(data: PreparedData, prompt: Prompt, rows: ArrayLike<number>): string[] {
  const { historyLength, retrieval } = prompt.config;
  const window = retrieval === "none" ? historyLength : data.log.history.maxLength;
  return Array.from(rows, (row) => prompt.render(recordAt(data.log, row, window), data.catalogue));
}

/**
 * What a decoder from scratch reads first: every item as a prompt's target would show it, and every user's training
 * events, oldest first, as a prompt's history would show them. Only training rows, so that nothing leaks.
 */
export function pretrainingTexts(data: PreparedData, config: PromptConfig): string[] {
  const { log, split } = data;
  const itemText = createPrompt({ ...config, retrieval: "none", template: "{{target_item}}" });
  const historyText = createPrompt({
    ...config,
    retrieval: "none",
    template: "{{user_history}}",
    historyLength: longestPassage,
  });
  const inTraining = new Uint8Array(log.size);
  for (const row of split.train) inTraining[row] = 1;
  const texts = log.items.ids.map((item) =>
    itemText.render({ user: null, item, history: [] }, data.catalogue),
  );
  for (let user = 0; user < log.users.ids.length; user++) {
    const rows = log.userRows
      .subarray(log.userOffsets[user]!, log.userOffsets[user + 1]!)
      .filter((row) => inTraining[row] === 1);
    for (let start = 0; start < rows.length; start += longestPassage) {
      const history = Array.from(rows.subarray(start, start + longestPassage), (row) => ({
        item: log.items.ids[log.item[row]!]!,
        rating: log.rating[row]!,
      }));
      texts.push(historyText.render({ user: null, item: history[0]!.item, history }, data.catalogue));
    }
  }
  return texts;
}

/** Events in one passage of text. */
const longestPassage = 20;

/** A random subset, the same for the same seed and purpose; all rows when there are not more. */
export function randomSubset(rows: Uint32Array, size: number, seed: number, purpose: string): Uint32Array {
  if (size >= rows.length) return rows;
  const order = permutation(rows.length, createGenerator(seed, `subset/${purpose}`));
  return order
    .slice(0, size)
    .map((position) => rows[position]!)
    .sort();
}
