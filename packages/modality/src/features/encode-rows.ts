import { type InteractionLog, isLiked } from "../log.ts";
import { statisticsOfLog } from "../statistics/count-log.ts";
import { encodeText } from "../vectors/look-up.ts";
import { affinityByRow } from "./affinity.ts";
import {
  type FeatureMap,
  type FittedFeature,
  type FittedField,
  type FittedStatistic,
  type IdBatch,
  isAffinity,
  isStatistic,
  isText,
  missingColumnOf,
} from "./feature-map.ts";
import { bucketId, transformNumber } from "./numeric.ts";
import { requireHistory } from "./history-window.ts";
import { encodeStatistic } from "./statistic.ts";
import { entityOf, eventTextByRow, numberByRow, textByRow } from "./row-values.ts";
import { attributeList, entityText, timePart } from "./values.ts";
import type { Vocabulary } from "./vocabulary.ts";

type Rows = ArrayLike<number>;
type FeatureEncoder = (rows: Rows, statistics: Float32Array | undefined) => Int32Array | Float32Array;
/** Encodes rows; their statistics, [rows, statistics], are looked up where they are not given. */
export type RowEncoder = (rows: Rows, statistics?: Float32Array) => IdBatch;

const encoders = new WeakMap<InteractionLog, WeakMap<FeatureMap, RowEncoder>>();

/** Encodes rows of a log, with labels; equal to `encodeRecords` of the same rows, a few hundred times as fast. */
export function encodeRows(featureMap: FeatureMap, log: InteractionLog, rows: Rows): IdBatch {
  let ofLog = encoders.get(log);
  if (ofLog === undefined) encoders.set(log, (ofLog = new WeakMap()));
  let encode = ofLog.get(featureMap);
  if (encode === undefined) ofLog.set(featureMap, (encode = createRowEncoder(featureMap, log)));
  return encode(rows);
}

/** Looks up every user's, item's and event's ids once, so that encoding a batch only copies integers. */
export function createRowEncoder(featureMap: FeatureMap, log: InteractionLog): RowEncoder {
  requireHistory(log, featureMap);
  const { statistics } = featureMap;
  const ofRows = statistics === undefined ? undefined : statisticsOfLog(statistics, log).rows;
  const featureEncoders = featureMap.fitted.flatMap((fitted): [string, FeatureEncoder][] => {
    if (!isStatistic(fitted)) {
      const { name } = fitted.config;
      const own: [string, FeatureEncoder][] = [[name, encoderOf(featureMap, fitted, log)]];
      const missing = missingColumnOf(fitted);
      if (missing !== undefined) own.push([missing, missingEncoder(featureMap, fitted as FittedField, log)]);
      return own;
    }
    const { position, columns } = fitted;
    const { [position]: planned, length: width } = statistics!.statistics;
    return columns.map(({ name, transform }) => [
      name,
      (rows, values) =>
        encodeStatistic(planned!, transform, rows.length, (i) => values![i * width + position]!),
    ]);
  });
  return (rows, values = ofRows?.at(rows)) => {
    const features: IdBatch["features"] = {};
    for (const [name, encode] of featureEncoders) features[name] = encode(rows, values);
    const labels = new Float32Array(rows.length);
    for (let i = 0; i < rows.length; i++) labels[i] = log.label[rows[i]!]!;
    return { size: rows.length, features, labels };
  };
}

function encoderOf(
  featureMap: FeatureMap,
  fitted: Exclude<FittedFeature, FittedStatistic>,
  log: InteractionLog,
): FeatureEncoder {
  if (isText(fitted)) {
    const { vectors } = fitted;
    const rowOf = Int32Array.from(log.items.ids, (id) => vectors.rowOf(id));
    return (rows) => encodeText(vectors, rows.length, (i) => rowOf[log.item[rows[i]!]!]!);
  }
  if (isAffinity(fitted)) {
    const numberOf = affinityByRow(fitted.vectors, log, featureMap, fitted.config);
    return (rows) => Float32Array.from(rows, (row) => transformNumber(fitted.transform, numberOf(row)));
  }
  return fieldEncoder(featureMap, fitted, log);
}

function fieldEncoder(featureMap: FeatureMap, fitted: FittedField, log: InteractionLog): FeatureEncoder {
  const { config } = fitted;
  if (config.type === "numeric") return numericEncoder(featureMap, fitted, log);
  if (config.type === "categorical") return categoricalEncoder(fitted, fitted.vocabulary!, log);
  if (config.type === "multivalued") {
    return multivaluedEncoder(fitted, fitted.vocabulary!, log, config.maxLength);
  }
  const ids = idsByPosition(fitted, fitted.vocabulary!, log);
  return config.where === undefined
    ? windowEncoder(ids, log, Math.min(config.maxLength, featureMap.historyLength), config.maxLength)
    : filteredEncoder(ids, log, featureMap, config.where === "liked", config.maxLength);
}

function numericEncoder(featureMap: FeatureMap, fitted: FittedField, log: InteractionLog): FeatureEncoder {
  const numberOf = numberByRow(log, fitted.field, featureMap.historyLength);
  const transform = fitted.transform!;
  return transform.kind === "buckets"
    ? (rows) => Int32Array.from(rows, (row) => bucketId(transform.boundaries, numberOf(row)))
    : (rows) => Float32Array.from(rows, (row) => transformNumber(transform, numberOf(row)));
}

/** 1 where the number is missing. */
function missingEncoder(featureMap: FeatureMap, { field }: FittedField, log: InteractionLog): FeatureEncoder {
  const numberOf = numberByRow(log, field, featureMap.historyLength);
  return (rows) => Float32Array.from(rows, (row) => (numberOf(row) === undefined ? 1 : 0));
}

function categoricalEncoder(
  { field }: FittedField,
  vocabulary: Vocabulary,
  log: InteractionLog,
): FeatureEncoder {
  const entity = entityOf(log, field);
  if (entity === undefined) {
    if (field.source !== "time.hour" && field.source !== "time.weekday") {
      const textOf = textByRow(log, field);
      return (rows) => Int32Array.from(rows, (row) => vocabulary.idOf(textOf(row)));
    }
    const source = field.source;
    const ids = Int32Array.from({ length: 24 }, (_, part) => vocabulary.idOf(String(part)));
    return (rows) => Int32Array.from(rows, (row) => ids[timePart(source, log.time[row]!)]!);
  }
  const { codes } = entity;
  const ids = idsByCode(entityTexts(field, entity), vocabulary);
  return (rows) => {
    const out = new Int32Array(rows.length);
    for (let i = 0; i < rows.length; i++) out[i] = ids[codes[rows[i]!]!]!;
    return out;
  };
}

function multivaluedEncoder(
  { field }: FittedField,
  vocabulary: Vocabulary,
  log: InteractionLog,
  maxLength: number,
): FeatureEncoder {
  const { codes, attributes } = entityOf(log, field)!;
  const attribute = field.attribute ?? "";
  const ids = new Int32Array(attributes.length * maxLength);
  for (const [code, row] of attributes.entries()) {
    const values = attributeList(row, attribute);
    for (let j = 0; j < Math.min(maxLength, values.length); j++) {
      ids[code * maxLength + j] = vocabulary.idOf(values[j]);
    }
  }
  return (rows) => {
    const out = new Int32Array(rows.length * maxLength);
    for (let i = 0; i < rows.length; i++) {
      const start = codes[rows[i]!]! * maxLength;
      for (let j = 0; j < maxLength; j++) out[i * maxLength + j] = ids[start + j]!;
    }
    return out;
  };
}

/** Ids in the order of `userRows`: a history is then one contiguous piece. */
function idsByPosition({ field }: FittedField, vocabulary: Vocabulary, log: InteractionLog): Int32Array {
  const { userRows, item, rating } = log;
  const ids = new Int32Array(log.size);
  if (field.source === "history.item") {
    const byCode = idsByCode(entityTexts(field, log.items), vocabulary);
    for (let position = 0; position < ids.length; position++)
      ids[position] = byCode[item[userRows[position]!]!]!;
    return ids;
  }
  const textOf = eventTextByRow(log, field);
  const byRating = new Map<number, number>(); // few distinct ratings: one text and one look-up each
  for (let position = 0; position < ids.length; position++) {
    const row = userRows[position]!;
    let id = byRating.get(rating[row]!);
    if (id === undefined) byRating.set(rating[row]!, (id = vocabulary.idOf(textOf(row))));
    ids[position] = id;
  }
  return ids;
}

function windowEncoder(
  ids: Int32Array,
  log: InteractionLog,
  window: number,
  maxLength: number,
): FeatureEncoder {
  const { user, userOffsets, historyEnd } = log;
  return (rows) => {
    const out = new Int32Array(rows.length * maxLength);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const end = historyEnd[row]!;
      const start = Math.max(userOffsets[user[row]!]!, end - window);
      // A plain loop beats subarray + set for lengths below some hundred.
      for (let position = start, to = i * maxLength; position < end; position++, to++)
        out[to] = ids[position]!;
    }
    return out;
  };
}

function filteredEncoder(
  ids: Int32Array,
  log: InteractionLog,
  { historyLength, likedThreshold }: FeatureMap,
  liked: boolean,
  maxLength: number,
): FeatureEncoder {
  const { user, userOffsets, userRows, historyEnd, rating } = log;
  const keep = new Uint8Array(log.size);
  for (let position = 0; position < keep.length; position++) {
    keep[position] = isLiked(rating[userRows[position]!]!, likedThreshold) === liked ? 1 : 0;
  }
  return (rows) => {
    const out = new Int32Array(rows.length * maxLength);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const end = historyEnd[row]!;
      const windowStart = Math.max(userOffsets[user[row]!]!, end - historyLength);
      let start = end;
      for (let kept = 0, position = end - 1; position >= windowStart && kept < maxLength; position--) {
        kept += keep[position]!;
        start = position;
      }
      let to = i * maxLength;
      for (let position = start; position < end; position++) {
        if (keep[position] === 1) out[to++] = ids[position]!;
      }
    }
    return out;
  };
}

function entityTexts(
  field: FittedField["field"],
  table: { ids: readonly string[]; attributes: InteractionLog["items"]["attributes"] },
): (string | undefined)[] {
  const { source } = field;
  if (source !== "user" && source !== "item" && source !== "context" && source !== "history.item") return [];
  return table.ids.map((id, code) => entityText(field, id, table.attributes[code]));
}

function idsByCode(texts: readonly (string | undefined)[], vocabulary: Vocabulary): Int32Array {
  return Int32Array.from(texts, (text) => vocabulary.idOf(text));
}
