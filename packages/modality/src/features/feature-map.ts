import { CorellaError } from "@corella/errors";
import { z } from "zod";
import { parseWith } from "../config.ts";
import { statisticColumns, type StatisticConfig } from "../statistics/config.ts";
import { planStatistics, type StatisticMeans, type StatisticsPlan } from "../statistics/plan.ts";
import {
  type FeatureConfig,
  featureConfigSchema,
  type Field,
  type FieldFeatureConfig,
  parseField,
  type Pooling,
} from "./config.ts";
import type { FittedTransform } from "./numeric.ts";
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
  | { name: string; type: "numeric"; vocabularySize: 0; table: "" };

/** A batch for the CRM. */
export interface IdBatch {
  size: number;
  /**
   * The columns by feature name. Categorical: ids [size]; sequence: ids [size * maxLength], the most recent events,
   * oldest first, padded with 0 on the right; numeric: Float32Array [size].
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

/** A feature's config together with what was fitted for it. */
export type FittedFeature = FittedField | FittedStatistic;

/** Whether a fitted feature is a statistic. */
export function isStatistic(fitted: FittedFeature): fitted is FittedStatistic {
  return fitted.config.type === "statistic";
}

/** The encoding of records as ids, fitted on training rows. */
export interface FeatureMap {
  readonly features: readonly Feature[];
  /** The window of events before a sample that sequences look at. */
  readonly historyLength: number;
  readonly likedThreshold: number;
  readonly fitted: readonly FittedFeature[];
  /** What is counted for the features that are statistics; undefined without any. */
  readonly statistics: StatisticsPlan | undefined;
  toJson(): FeatureMapJson;
}

/** A feature map as a file holds it. */
export interface FeatureMapJson {
  version: 1;
  historyLength: number;
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
  likedThreshold: z.number(),
  features: z.array(featureConfigSchema),
  vocabularies: z.record(z.string(), z.array(z.string())),
  transforms: z.record(
    z.string(),
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("standard"), mean: z.number(), deviation: z.number().positive() }),
      z.strictObject({ kind: z.literal("log") }),
      z.strictObject({ kind: z.literal("buckets"), boundaries: z.array(z.number()) }),
    ]),
  ),
  statisticMeans: z.strictObject({ rating: z.number(), label: z.number() }).optional(),
});

/**
 * Restores a feature map from what `toJson` gave.
 * @throws CorellaError `config/invalid` for what is no feature map of this version; `features/incomplete-map`
 */
export function featureMapFromJson(unchecked: FeatureMapJson): FeatureMap {
  const json = parseWith(jsonSchema, unchecked, "featureMap");
  return createFeatureMap(json);
}

function createFeatureMap(json: FeatureMapJson): FeatureMap {
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
    const field = parseField(config);
    if (config.type === "numeric") return { config, field, transform: transformOf(config.name, config.name) };
    const vocabulary = vocabularies.get(config.shareWith ?? config.name);
    if (vocabulary === undefined) throw missing("vocabulary", config.name);
    return { config, field, vocabulary };
  });
  return {
    features: fitted.flatMap((feature) =>
      isStatistic(feature)
        ? feature.columns.map(({ name, transform }) => describeNumber(name, transform))
        : describe(feature),
    ),
    historyLength: json.historyLength,
    likedThreshold: json.likedThreshold,
    fitted,
    statistics: statistics.length === 0 ? undefined : planStatistics(statistics, json.statisticMeans!),
    toJson: () => json,
  };
}

function describeNumber(name: string, transform: FittedTransform): Feature {
  return transform.kind === "buckets"
    ? { name, type: "categorical", vocabularySize: transform.boundaries.length + 3, table: name }
    : { name, type: "numeric", vocabularySize: 0, table: "" };
}

function describe({ config, vocabulary, transform }: FittedField): Feature {
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
