import { CorellaError } from "@corella/errors";
import { z } from "zod";
import { parseWith } from "../config.ts";
import type { InteractionLog } from "../log.ts";
import type { ItemVectors } from "../prompt/similar.ts";
import { statisticColumns, type StatisticConfig } from "../statistics/config.ts";
import { planStatistics, type StatisticMeans, type StatisticsPlan } from "../statistics/plan.ts";
import { type AffinityConfig, looksUpVectors, type TextConfig, vectorsNamed } from "../vectors/config.ts";
import { textWidth, type VectorTable, vectorTable } from "../vectors/look-up.ts";
import {
  type FeatureConfig,
  featureConfigSchema,
  type Field,
  type FieldFeatureConfig,
  parseField,
  type Pooling,
} from "./config.ts";
import { type FittedTransform, missingColumn } from "./numeric.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** What the CRM needs to know of a feature. Features that share name the same table. */
export type Feature =
  | { name: string; type: "categorical"; vocabularySize: number; table: string }
  | {
      name: string;
      type: "sequence";
      vocabularySize: number;
      table: string;
      maxLength: number;
      pooling: Pooling;
      /** Sequences whose embeddings are added to this one's, position by position, before pooling. */
      plus?: readonly string[];
      /** The categorical feature that `attention` compares with; absent: the one named `table`. */
      target?: string;
    }
  | { name: string; type: "numeric"; vocabularySize: 0; table: "" }
  /** `width` numbers a sample. */
  | { name: string; type: "vector"; vocabularySize: 0; table: ""; width: number };

/** A batch for the CRM. */
export interface IdBatch {
  size: number;
  /**
   * The columns by feature name. Categorical: ids [size]; sequence: ids [size * maxLength], the most recent events,
   * oldest first, padded with 0 on the right; numeric: Float32Array [size]; vector: Float32Array [size * width].
   */
  features: Record<string, Int32Array | Float32Array>;
  /** 0 or 1, [size]. */
  labels?: Float32Array;
}

/** The config of a feature of a field, together with what was fitted for it. */
export interface FittedField {
  readonly config: FieldFeatureConfig;
  readonly field: Field;
  readonly vocabulary?: Vocabulary;
  readonly transform?: FittedTransform;
}

/** One column of a statistic: the number or the bucket of its value. */
export interface StatisticColumn {
  readonly name: string;
  readonly transform: FittedTransform;
}

/** A statistic's config, its position among the map's statistics, and its columns. */
export interface FittedStatistic {
  readonly config: StatisticConfig;
  readonly position: number;
  readonly columns: readonly StatisticColumn[];
}

/** A text feature's config, and the vectors of items. */
export interface FittedText {
  readonly config: TextConfig;
  readonly vectors: VectorTable;
}

/** An affinity's config, the vectors of items, and the scale of its number. */
export interface FittedAffinity {
  readonly config: AffinityConfig;
  readonly vectors: VectorTable;
  readonly transform: FittedTransform;
}

/** A feature's config together with what was fitted for it. */
export type FittedFeature = FittedField | FittedStatistic | FittedText | FittedAffinity;

/** Whether a fitted feature is a statistic. */
export function isStatistic(fitted: FittedFeature): fitted is FittedStatistic {
  return fitted.config.type === "statistic";
}

/** Whether a fitted feature is of a field of the sample. */
export function isField(fitted: FittedFeature): fitted is FittedField {
  return "field" in fitted;
}

/** Whether a fitted feature is an item's text as a vector. */
export function isText(fitted: FittedFeature): fitted is FittedText {
  return fitted.config.type === "text";
}

/** Whether a fitted feature is the user's affinity to an item's text. */
export function isAffinity(fitted: FittedFeature): fitted is FittedAffinity {
  return fitted.config.type === "affinity";
}

/** The column that says where a feature's number is missing; undefined where it has none. */
export function missingColumnOf(fitted: FittedFeature): string | undefined {
  if (!isField(fitted) || fitted.transform === undefined) return undefined;
  return missingColumn(fitted.config.name, fitted.transform);
}

/** The encoding of records as ids, fitted on training rows. */
export interface FeatureMap {
  readonly features: readonly Feature[];
  /** The window of events before a sample that sequences look at. */
  readonly historyLength: number;
  /** Which events of a sample's own time are before it; undefined in maps of before. */
  readonly historyTies: InteractionLog["history"]["ties"] | undefined;
  readonly likedThreshold: number;
  readonly fitted: readonly FittedFeature[];
  /** What is counted for the features that are statistics; undefined without any. */
  readonly statistics: StatisticsPlan | undefined;
  /** The vectors of the log's items that text features and affinities look up, by the name that these have for them. */
  readonly vectors: ReadonlyMap<string, ItemVectors>;
  /** All of the map but its vectors. */
  toJson(): FeatureMapJson;
}

/** A feature map as a file holds it. */
export interface FeatureMapJson {
  version: 1;
  historyLength: number;
  historyTies?: InteractionLog["history"]["ties"] | undefined;
  likedThreshold: number;
  features: FeatureConfig[];
  /** table -> values; the id of a value is its index + 2 (0 pads, 1 is out-of-vocabulary). */
  vocabularies: Record<string, readonly string[]>;
  /** By feature; those of statistics by column. */
  transforms: Record<string, FittedTransform>;
  /** Mean rating and share of positives of the training rows; only where a feature is a statistic. */
  statisticMeans?: StatisticMeans | undefined;
}

const jsonSchema: z.ZodType<FeatureMapJson> = z.strictObject({
  version: z.literal(1),
  historyLength: z.int().positive(),
  historyTies: z.enum(["exclude", "order"]).optional(),
  likedThreshold: z.number(),
  features: z.array(featureConfigSchema),
  vocabularies: z.record(z.string(), z.array(z.string())),
  transforms: z.record(
    z.string(),
    z.discriminatedUnion("kind", [
      z.strictObject({
        kind: z.literal("standard"),
        mean: z.number(),
        deviation: z.number().positive(),
        hasMissing: z.literal(true).optional(),
      }),
      z.strictObject({
        kind: z.literal("log"),
        mean: z.number().optional(),
        hasMissing: z.literal(true).optional(),
      }),
      z.strictObject({ kind: z.literal("buckets"), boundaries: z.array(z.number()) }),
    ]),
  ),
  statisticMeans: z.strictObject({ rating: z.number(), label: z.number() }).optional(),
});

/**
 * Restores a feature map from what `toJson` gave.
 * @param vectors those of the map, where it has some
 * @throws CorellaError `config/invalid` for what is no feature map of this version; `features/incomplete-map`
 */
export function featureMapFromJson(
  unchecked: FeatureMapJson,
  vectors: ReadonlyMap<string, ItemVectors> = new Map(),
): FeatureMap {
  const json = parseWith(jsonSchema, unchecked, "featureMap");
  return createFeatureMap(json, vectors);
}

function createFeatureMap(json: FeatureMapJson, vectors: ReadonlyMap<string, ItemVectors>): FeatureMap {
  const vocabularies = new Map<string, Vocabulary>();
  for (const [table, values] of Object.entries(json.vocabularies)) {
    vocabularies.set(table, createVocabulary(values));
  }
  const missing = (part: string, name: string): CorellaError =>
    new CorellaError({
      code: "features/incomplete-map",
      message: `The feature map lacks the ${part} of "${name}".`,
      place: `featureMap.features.${name}`,
      remedy: "Fit it anew, or restore the file from the bundle that was saved.",
    });
  const transformOf = (column: string, name: string): FittedTransform => {
    const transform = json.transforms[column];
    if (transform === undefined) throw missing("transform", name);
    return transform;
  };
  const tables = new Map<string, VectorTable>();
  for (const name of vectorsNamed(json.features)) {
    const found = vectors.get(name);
    if (found !== undefined) tables.set(name, vectorTable(found));
  }
  const statistics = json.features.filter((config) => config.type === "statistic");
  if (statistics.length > 0 && json.statisticMeans === undefined) throw missing("means", statistics[0]!.name);
  const fitted = json.features.map((config): FittedFeature => {
    if (config.type === "statistic") {
      const columns = Object.values(statisticColumns(config)).map((name) => ({
        name,
        transform: transformOf(name, config.name),
      }));
      return { config, position: statistics.indexOf(config), columns };
    }
    if (looksUpVectors(config)) {
      const table = tables.get(config.vectors);
      if (table === undefined) throw missing("vectors", config.name);
      if (config.type === "text") return { config, vectors: table };
      return { config, vectors: table, transform: transformOf(config.name, config.name) };
    }
    const field = parseField(config);
    if (config.type === "numeric") return { config, field, transform: transformOf(config.name, config.name) };
    const vocabulary = vocabularies.get(config.shareWith ?? config.name);
    if (vocabulary === undefined) throw missing("vocabulary", config.name);
    return { config, field, vocabulary };
  });
  return {
    features: fitted.flatMap(describe),
    historyLength: json.historyLength,
    historyTies: json.historyTies,
    likedThreshold: json.likedThreshold,
    fitted,
    statistics: statistics.length === 0 ? undefined : planStatistics(statistics, json.statisticMeans!),
    vectors: new Map([...vectors].filter(([name]) => tables.has(name))),
    toJson: () => json,
  };
}

function describeNumber(name: string, transform: FittedTransform): Feature {
  return transform.kind === "buckets"
    ? { name, type: "categorical", vocabularySize: transform.boundaries.length + 3, table: name }
    : { name, type: "numeric", vocabularySize: 0, table: "" };
}

function describe(feature: FittedFeature): Feature[] {
  if (isStatistic(feature))
    return feature.columns.map(({ name, transform }) => describeNumber(name, transform));
  const { name } = feature.config;
  if (isText(feature))
    return [{ name, type: "vector", vocabularySize: 0, table: "", width: textWidth(feature.vectors) }];
  if (isAffinity(feature)) return [describeNumber(name, feature.transform)];
  const missing = missingColumnOf(feature);
  const described = describeField(feature);
  return missing === undefined
    ? [described]
    : [described, { name: missing, type: "numeric", vocabularySize: 0, table: "" }];
}

function describeField({ config, vocabulary, transform }: FittedField): Feature {
  const { name } = config;
  if (config.type === "numeric") return describeNumber(name, transform!);
  const table = config.shareWith ?? name;
  const vocabularySize = vocabulary!.size;
  if (config.type === "categorical") return { name, type: "categorical", vocabularySize, table };
  return {
    name,
    type: "sequence",
    vocabularySize,
    table,
    maxLength: config.maxLength,
    pooling: config.pooling,
    ...(config.type === "sequence" && config.plus !== undefined ? { plus: config.plus } : {}),
    ...(config.target === undefined ? {} : { target: config.target }),
  };
}
