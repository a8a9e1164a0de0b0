import type { InteractionLog } from "../log.ts";
import type { LogSplit } from "../split.ts";
import type { FeatureConfig } from "./config.ts";
import { encodeRows } from "./encode-rows.ts";
import { createDiscriminant, type Discriminant } from "./discriminant.ts";
import {
  type Feature,
  type FeatureMap,
  type FittedFeature,
  isField,
  isStatistic,
  missingColumnOf,
} from "./feature-map.ts";
import { entityOf } from "./row-values.ts";
import { attributeNumber, entityText } from "./values.ts";
import { paddingId } from "./vocabulary.ts";

/** AUC of scores against labels of 0 and 1, NaN without both classes; as `auc` of @corella/metrics. */
export type AucOf = (scores: Float32Array, labels: Float32Array) => number;

/** The columns of one feature of a configuration: a statistic and a number that may be missing have up to two, others one. */
export interface FeatureGroup {
  readonly name: string;
  readonly type: FeatureConfig["type"];
  readonly columns: readonly string[];
}

/** What one feature says of the samples without any other. */
export interface FeatureAlone {
  readonly name: string;
  readonly type: FeatureConfig["type"];
  /**
   * On the validation rows. A number ranks them itself; an id has the share of positives that the training rows have with
   * it, several ids the mean of theirs; a vector is ranked by a linear discriminant of the training rows. NaN where the rows
   * are of one class.
   */
  readonly auc: number;
  /** The number is lower where the label is 1, and `auc` is one minus that of the number. */
  readonly falls: boolean;
  /**
   * Of a user's or item's attribute: distinct values by training row that has one, 1 where each row has its own; absent for
   * all else. What is fractional counts as a measurement, and has none either.
   */
  readonly valuesPerRow?: number;
}

/** What every feature of a map says alone, in the map's order. */
export interface FeaturesAlone {
  /** Validation rows that were looked at, and the positives among them. */
  readonly rows: number;
  readonly positives: number;
  readonly trainRows: number;
  readonly features: readonly FeatureAlone[];
}

/** Rows that are looked at: so many of the validation part, and twice as many of the training part. */
const mostRows = 100_000;
/** Rows that are encoded at once. */
const chunkSize = 4096;
/** Rows of the mean share of positives that are added to those of an id. */
const prior = 5;

/** The features of a map with their columns. */
export function featureGroups({ fitted }: FeatureMap): readonly FeatureGroup[] {
  return fitted.map((feature) => ({
    name: feature.config.name,
    type: feature.config.type,
    columns: isStatistic(feature)
      ? feature.columns.map(({ name }) => name)
      : [feature.config.name, missingColumnOf(feature) ?? []].flat(),
  }));
}

/**
 * What each feature says alone of the validation part: on at most 100,000 of its rows, evenly spaced, with rates of ids from
 * at most 200,000 of the training part. Distinct values are counted on all training rows. Time is linear in rows.
 */
export function featuresAlone(
  featureMap: FeatureMap,
  log: InteractionLog,
  split: LogSplit,
  auc: AucOf,
): FeaturesAlone {
  const validation = evenlySpaced(split.validation, mostRows);
  const labels = Float32Array.from(validation, (row) => log.label[row]!);
  const scorers = fitScorers(featureMap, log, evenlySpaced(split.train, 2 * mostRows));
  const scores = new Map(featureMap.features.map(({ name }) => [name, new Float32Array(validation.length)]));
  for (let start = 0; start < validation.length; start += chunkSize) {
    const { features } = encodeRows(featureMap, log, validation.subarray(start, start + chunkSize));
    for (const [name, score] of scorers) scores.get(name)!.set(score(features[name]!), start);
  }
  const groups = featureGroups(featureMap);
  return {
    rows: labels.length,
    positives: labels.reduce((sum, label) => sum + label, 0),
    trainRows: split.train.length,
    features: groups.map(({ name, type, columns }, position) => {
      const ofColumns = columns.map((column) => auc(scores.get(column)!, labels));
      const isNumber = featureMap.features.find((feature) => feature.name === columns[0])!.type === "numeric";
      const falls = isNumber && ofColumns[0]! < 0.5;
      if (falls) ofColumns[0] = 1 - ofColumns[0]!;
      // Missing may speak against a positive label.
      if (type === "numeric" && columns.length > 1) ofColumns[1] = Math.max(ofColumns[1]!, 1 - ofColumns[1]!);
      const values = valuesPerRow(featureMap.fitted[position]!, log, split.train);
      return {
        name,
        type,
        auc: Math.max(...ofColumns),
        falls,
        ...(values === undefined ? {} : { valuesPerRow: values }),
      };
    }),
  };
}

type Column = Int32Array | Float32Array;

/** How each column ranks rows: a number as it is, ids by the training rows' share of positives, shrunk, a vector linearly. */
function fitScorers(
  featureMap: FeatureMap,
  log: InteractionLog,
  train: Uint32Array,
): [string, (column: Column) => Float32Array][] {
  const counted = featureMap.features.map((feature) => ({
    feature,
    rows: new Float64Array(feature.vocabularySize),
    positives: new Float64Array(feature.vocabularySize),
    discriminant: feature.type === "vector" ? createDiscriminant(feature.width) : undefined,
  }));
  const ofIds = counted.filter(({ feature }) => feature.vocabularySize > 0);
  const ofVectors = counted.flatMap(({ feature: { name }, discriminant }): [string, Discriminant][] =>
    discriminant === undefined ? [] : [[name, discriminant]],
  );
  let allPositives = 0;
  for (let start = 0; start < train.length; start += chunkSize) {
    const { features, labels, size } = encodeRows(featureMap, log, train.subarray(start, start + chunkSize));
    for (let i = 0; i < size; i++) allPositives += labels![i]!;
    for (const [name, discriminant] of ofVectors)
      discriminant.observe(features[name] as Float32Array, labels!);
    for (const { feature, rows, positives } of ofIds) {
      const ids = features[feature.name]!;
      const width = widthOf(feature);
      for (let at = 0; at < ids.length; at++) {
        const id = ids[at]!;
        rows[id]! += 1;
        positives[id]! += labels![Math.floor(at / width)]!;
      }
    }
  }
  const mean = allPositives / Math.max(1, train.length);
  return counted.map(({ feature, rows, positives, discriminant }) => {
    if (discriminant !== undefined) return [feature.name, discriminant.scorer()];
    if (feature.type === "numeric") return [feature.name, (column) => column as Float32Array];
    const rates = positives.map((sum, id) => (sum + prior * mean) / (rows[id]! + prior));
    return [feature.name, (column) => meanRates(column, widthOf(feature), rates, mean)];
  });
}

/** The mean rate of the ids of each row; of none the mean of all rows. */
function meanRates(ids: Column, width: number, rates: Float64Array, empty: number): Float32Array {
  const scores = new Float32Array(ids.length / width);
  for (let row = 0; row < scores.length; row++) {
    let sum = 0;
    let present = 0;
    for (let at = row * width; at < (row + 1) * width; at++) {
      if (width > 1 && ids[at] === paddingId) continue;
      sum += rates[ids[at]!]!;
      present += 1;
    }
    scores[row] = present === 0 ? empty : sum / present;
  }
  return scores;
}

function widthOf(feature: Feature): number {
  return feature.type === "sequence" ? feature.maxLength : 1;
}

/** In place of the number of a value: there is none, or it is a measurement. */
const absent = -1;
const fractional = -2;

/** Distinct values of an attribute by row that has one; undefined for what is no attribute with one value. */
function valuesPerRow(fitted: FittedFeature, log: InteractionLog, rows: Uint32Array): number | undefined {
  if (!isField(fitted)) return undefined;
  const { config, field } = fitted;
  if (config.type !== "categorical" && config.type !== "numeric") return undefined;
  const entity = entityOf(log, field);
  if (entity === undefined || field.attribute === undefined) return undefined;
  const { attribute, index } = field;
  const numbers = new Map<string | number, number>();
  const byCode = Int32Array.from(entity.ids, (id, code) => {
    const attributes = entity.attributes[code];
    const value =
      config.type === "numeric"
        ? attributeNumber(attributes, attribute, index)
        : entityText(field, id, attributes);
    if (value === undefined) return absent;
    if (typeof value === "number" && !Number.isInteger(value)) return fractional;
    let number = numbers.get(value);
    if (number === undefined) numbers.set(value, (number = numbers.size));
    return number;
  });
  const seen = new Uint8Array(numbers.size);
  let distinct = 0;
  let present = 0;
  for (const row of rows) {
    const value = byCode[entity.codes[row]!]!;
    if (value === fractional) return undefined;
    if (value === absent) continue;
    present += 1;
    if (seen[value] === 1) continue;
    seen[value] = 1;
    distinct += 1;
  }
  return present === 0 ? undefined : distinct / present;
}

/** At most so many of the rows, in their order. */
function evenlySpaced(rows: Uint32Array, most: number): Uint32Array {
  if (rows.length <= most) return rows;
  return Uint32Array.from({ length: most }, (_, i) => rows[Math.floor((i * rows.length) / most)]!);
}
