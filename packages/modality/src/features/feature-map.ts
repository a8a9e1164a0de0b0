import { CorellaError } from "@corella/errors";
import type { FeatureConfig, Field, Pooling } from "./config.ts";
import { parseField } from "./config.ts";
import { type FittedTransform } from "./numeric.ts";
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
    }
  | { name: string; type: "numeric"; vocabularySize: 0; table: "" };

/** A batch for the CRM. */
export interface IdBatch {
  size: number;
  /**
   * By feature name. Categorical: ids [size]; sequence: ids [size * maxLength], the most recent events, oldest first,
   * padded with 0 on the right; numeric: Float32Array [size].
   */
  features: Record<string, Int32Array | Float32Array>;
  /** 0 or 1, [size]. */
  labels?: Float32Array;
}

/** A feature's config together with what was fitted for it. */
export interface FittedFeature {
  readonly config: FeatureConfig;
  readonly field: Field;
  readonly vocabulary?: Vocabulary;
  readonly transform?: FittedTransform;
}

/** The encoding of records as ids, fitted on training rows. */
export interface FeatureMap {
  readonly features: readonly Feature[];
  /** The window of events before a sample that sequences look at. */
  readonly historyLength: number;
  readonly likedThreshold: number;
  readonly fitted: readonly FittedFeature[];
  toJson(): FeatureMapJson;
}

export interface FeatureMapJson {
  version: 1;
  historyLength: number;
  likedThreshold: number;
  features: FeatureConfig[];
  /** table -> values; the id of a value is its index + 2 (0 pads, 1 is out-of-vocabulary). */
  vocabularies: Record<string, readonly string[]>;
  transforms: Record<string, FittedTransform>;
}

export function featureMapFromJson(json: FeatureMapJson): FeatureMap {
  if (json.version !== 1) {
    throw new CorellaError({
      code: "features/unknown-version",
      message: `The feature map has version ${String(json.version)}; this corella reads version 1.`,
      remedy: "Use the version of corella that wrote it, or fit it anew.",
    });
  }
  const vocabularies = new Map<string, Vocabulary>();
  for (const [table, values] of Object.entries(json.vocabularies)) {
    vocabularies.set(table, createVocabulary(values));
  }
  const fitted = json.features.map((config): FittedFeature => {
    const field = parseField(config);
    if (config.type === "numeric") return { config, field, transform: json.transforms[config.name]! };
    return { config, field, vocabulary: vocabularies.get(config.shareWith ?? config.name)! };
  });
  return {
    features: fitted.map(describe),
    historyLength: json.historyLength,
    likedThreshold: json.likedThreshold,
    fitted,
    toJson: () => json,
  };
}

function describe({ config, vocabulary, transform }: FittedFeature): Feature {
  const { name } = config;
  if (config.type === "numeric") {
    return transform?.kind === "buckets"
      ? { name, type: "categorical", vocabularySize: transform.boundaries.length + 3, table: name }
      : { name, type: "numeric", vocabularySize: 0, table: "" };
  }
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
  };
}
