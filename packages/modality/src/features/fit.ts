import { CorellaError } from "@corella/errors";
import type { InteractionLog } from "../log.ts";
import type { ItemVectors } from "../prompt/similar.ts";
import { type FeatureConfig, type Field, type FieldFeatureConfig, parseField } from "./config.ts";
import { type FeatureMap, featureMapFromJson, type FeatureMapJson } from "./feature-map.ts";
import { fitStatistics } from "./fit-statistics.ts";
import { attributeKind } from "./known-attributes.ts";
import { fitTransform, missingColumn } from "./numeric.ts";
import { entityOf, eventTextByRow, numberByRow, textByRow } from "./row-values.ts";
import { looksUpVectors } from "../vectors/config.ts";
import { checkReferences } from "./references.ts";
import { attributeList } from "./values.ts";
import { fitVectors } from "./fit-vectors.ts";
import { valuesByCount } from "./vocabulary.ts";

/** What fitting may be given. */
export interface FitOptions {
  /**
   * The statistics of the log's rows, 4 bytes a row and statistic, are kept with the log; more than 256 MiB of them in a file
   * here. Default: the system's folder for temporary files.
   */
  readonly scratchFolder?: string | undefined;
  /** Vectors of items, by the path as text features and affinities name them: what `readFeatureVectors` reads. */
  readonly vectors?: ReadonlyMap<string, ItemVectors> | undefined;
}

/**
 * Fits vocabularies and transforms on the training rows alone.
 * A sequence without `shareWith` counts the values in the histories of the training rows.
 * @throws CorellaError for duplicate names, unknown fields and attributes, and names of other features that do not fit;
 * `features/short-window`, `features/no-vectors`, `data/cache-not-writable`
 */
export function fitFeatureMap(
  config: readonly FeatureConfig[],
  log: InteractionLog,
  trainRows: ArrayLike<number>,
  options: FitOptions = {},
): FeatureMap {
  checkReferences(config);
  for (const feature of config) checkWindow(feature, log.history.maxLength);
  const json: FeatureMapJson = {
    version: 1,
    historyLength: log.history.maxLength,
    historyTies: log.history.ties,
    likedThreshold: log.likedThreshold,
    features: structuredClone([...config]),
    vocabularies: {},
    transforms: {},
  };
  const statistics = config.filter((feature) => feature.type === "statistic");
  if (statistics.length > 0) {
    const fitted = fitStatistics(statistics, log, trainRows, options);
    json.statisticMeans = fitted.means;
    Object.assign(json.transforms, fitted.transforms);
  }
  const ofVectors = fitVectors(json.features, log, trainRows, options.vectors ?? new Map());
  Object.assign(json.transforms, ofVectors.transforms);
  for (const feature of config) {
    if (feature.type === "statistic" || looksUpVectors(feature)) continue;
    const field = parseField(feature);
    checkAttribute(feature, field, log);
    if (feature.type === "numeric") {
      const numberOf = numberByRow(log, field, log.history.maxLength);
      const numbers = present(trainRows, numberOf);
      const transform = fitTransform(feature.transform, numbers);
      // Rows without any number would all say the same.
      if (transform.kind !== "buckets" && numbers.length > 0 && numbers.length < trainRows.length)
        transform.hasMissing = true;
      const missing = missingColumn(feature.name, transform);
      if (config.some(({ name }) => name === missing)) throw namedLikeMissing(feature.name, missing!);
      json.transforms[feature.name] = transform;
    } else if (feature.shareWith === undefined) {
      const counts = countValues(feature, field, log, trainRows);
      json.vocabularies[feature.name] = valuesByCount(counts, feature.minCount ?? 1);
    }
  }
  json.features = ofVectors.features;
  return featureMapFromJson(json, ofVectors.vectors);
}

/** More events than the log's window has would be fewer, and the rest padding, without a word. */
function checkWindow(feature: FeatureConfig, window: number): void {
  if (feature.type !== "sequence" && feature.type !== "affinity") return;
  if (feature.maxLength === undefined || feature.maxLength <= window) return;
  throw new CorellaError({
    code: "features/short-window",
    message: `The feature "${feature.name}" looks at ${feature.maxLength} events, the window of histories has ${window}.`,
    place: `features.${feature.name}.maxLength`,
    remedy: `Set data.history.maxLength to ${feature.maxLength}, or maxLength of the feature to at most ${window}.`,
  });
}

function namedLikeMissing(name: string, missing: string): CorellaError {
  return new CorellaError({
    code: "features/duplicate-name",
    message: `What says where "${name}" is missing is named like the feature "${missing}".`,
    place: `features.${missing}`,
    remedy: "Rename one of them.",
  });
}

function present(rows: ArrayLike<number>, numberOf: (row: number) => number | undefined): Float64Array {
  const values = new Float64Array(rows.length);
  let size = 0;
  for (let i = 0; i < rows.length; i++) {
    const value = numberOf(rows[i]!);
    if (value !== undefined) values[size++] = value;
  }
  return values.subarray(0, size);
}

function countValues(
  feature: Exclude<FieldFeatureConfig, { type: "numeric" }>,
  field: Field,
  log: InteractionLog,
  rows: ArrayLike<number>,
): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (value: string | undefined): void => {
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  };
  if (feature.type === "categorical") {
    const textOf = textByRow(log, field);
    for (let i = 0; i < rows.length; i++) count(textOf(rows[i]!));
  } else if (feature.type === "multivalued") {
    const entity = entityOf(log, field)!;
    const attribute = field.attribute ?? "";
    for (let i = 0; i < rows.length; i++) {
      for (const value of attributeList(entity.attributes[entity.codes[rows[i]!]!], attribute)) count(value);
    }
  } else {
    const textOf = eventTextByRow(log, field);
    for (const [position, times] of timesInHistories(log, rows).entries()) {
      const text = times === 0 ? undefined : textOf(log.userRows[position]!);
      if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + times);
    }
  }
  return counts;
}

/** In how many histories of the rows each event is, by its position in `userRows`; a history counts at both its ends. */
function timesInHistories(log: InteractionLog, rows: ArrayLike<number>): Int32Array {
  const { user, userOffsets, historyEnd, history } = log;
  const times = new Int32Array(log.size + 1);
  for (let i = 0; i < rows.length; i++) {
    const end = historyEnd[rows[i]!]!;
    times[Math.max(userOffsets[user[rows[i]!]!]!, end - history.maxLength)]!++;
    times[end]!--;
  }
  for (let position = 1; position <= log.size; position++) times[position]! += times[position - 1]!;
  return times.subarray(0, log.size);
}

/** The attribute exists in the log, and is a list exactly where a list is expected. */
function checkAttribute(feature: FieldFeatureConfig, field: Field, log: InteractionLog): void {
  const place = `features.${feature.name}.field`;
  if (field.attribute === undefined) {
    const needsAttribute =
      feature.type === "multivalued" ||
      (feature.type === "numeric" && (field.source === "user" || field.source === "item"));
    if (!needsAttribute) {
      const isNumber = field.source === "history.length" || field.source === "time.sinceLast";
      if (feature.type !== "categorical" || !isNumber) return;
      throw new CorellaError({
        code: "features/bad-field",
        message: `${feature.field} is a number, not a category.`,
        place,
        remedy: 'Make the feature numeric; `transform: {"buckets": n}` gives it an embedding.',
      });
    }
    throw new CorellaError({
      code: "features/bad-field",
      message: `A ${feature.type} feature needs an attribute, "${feature.field}" is none.`,
      place,
      remedy: "Write item.<attribute> or user.<attribute>.",
    });
  }
  const source = field.source === "user" || field.source === "context" ? field.source : "item";
  const kind = attributeKind(log, source, field.attribute, place);
  if (kind === "list" && feature.type !== "multivalued" && field.index === undefined) {
    throw new CorellaError({
      code: "features/bad-field",
      message: `"${field.attribute}" holds several values.`,
      place,
      remedy: `Write ${feature.field}[0] for the first, or make the feature multivalued.`,
    });
  }
}
