import { CorellaError } from "@corella/errors";
import { z } from "zod";
import { type StatisticConfig, statisticConfigSchema } from "../statistics/config.ts";
import { affinityConfigSchema, textConfigSchema, type VectorFeatureConfig } from "../vectors/config.ts";

/** How a sequence's embeddings become one vector; `attention` weights each by how it goes with a target (DIN). */
export type Pooling = "mean" | "sum" | "attention";
/**
 * What becomes of a number x: `standard` is (x - mean) / deviation, `log` is sign(x) ln(1 + |x|), and `buckets` makes it
 * the id of one of so many stretches with about equal counts of training rows.
 */
export type NumericTransform = "standard" | "log" | { buckets: number };

/** A feature of one id a sample. */
export interface CategoricalConfig {
  name: string;
  type: "categorical";
  /** `user`, `item`, `user.gender`, `item.year`, `item.genres[0]`, `context.device`, `time.hour`, `time.weekday`. */
  field: string;
  /** Values seen less often in the training rows become out-of-vocabulary. */
  minCount?: number | undefined;
  /** Name of the feature whose vocabulary and embedding table is used. */
  shareWith?: string | undefined;
}

/** A feature of the events before a sample, one id each. */
export interface SequenceConfig {
  name: string;
  type: "sequence";
  /** `history.item`, `history.rating`, `history.item.year`, `history.item.genres[0]`. */
  field: string;
  maxLength: number;
  pooling: Pooling;
  minCount?: number | undefined;
  shareWith?: string | undefined;
  /** Only the events that the user liked (or not), by the rating threshold of the label. */
  where?: "liked" | "disliked" | undefined;
  /** Names of sequences of the same events, whose embeddings are added to each event's before pooling. */
  plus?: string[] | undefined;
  /** The categorical feature that the pooling `attention` compares events with; default: the one of `shareWith`. */
  target?: string | undefined;
}

/** A feature of one number a sample, or of the bucket it lies in. */
export interface NumericConfig {
  name: string;
  type: "numeric";
  /** `item.year`, `user.age`, `context.price`, `history.length`, `time.hour`, `time.sinceLast`. */
  field: string;
  transform: NumericTransform;
}

/** A feature of the values of a list, one id each. */
export interface MultivaluedConfig {
  name: string;
  type: "multivalued";
  /** An attribute that is a list, such as `item.genres`. */
  field: string;
  maxLength: number;
  pooling: Pooling;
  minCount?: number | undefined;
  shareWith?: string | undefined;
  /** The categorical feature that the pooling `attention` compares values with; default: the one of `shareWith`. */
  target?: string | undefined;
}

/** A feature whose value a field of the sample says. */
export type FieldFeatureConfig = CategoricalConfig | SequenceConfig | NumericConfig | MultivaluedConfig;
/** One feature of the CRM's input. */
export type FeatureConfig = FieldFeatureConfig | StatisticConfig | VectorFeatureConfig;

const vocabularyFields = {
  minCount: z.int().positive().optional(),
  shareWith: z.string().min(1).optional(),
};
const pooledFields = {
  maxLength: z.int().positive().max(4096),
  pooling: z.enum(["mean", "sum", "attention"]),
  target: z.string().min(1).optional(),
};
const named = { name: z.string().min(1), field: z.string().min(1) };

/** One feature of the CRM's input, as a run's YAML may say it. */
export const featureConfigSchema: z.ZodType<FeatureConfig> = z.discriminatedUnion("type", [
  z.strictObject({ ...named, type: z.literal("categorical"), ...vocabularyFields }),
  z.strictObject({
    ...named,
    type: z.literal("sequence"),
    ...pooledFields,
    ...vocabularyFields,
    where: z.enum(["liked", "disliked"]).optional(),
    plus: z.array(z.string().min(1)).min(1).optional(),
  }),
  z.strictObject({
    ...named,
    type: z.literal("numeric"),
    transform: z.union([
      z.literal("standard"),
      z.literal("log"),
      z.strictObject({ buckets: z.int().min(2).max(10_000) }),
    ]),
  }),
  z.strictObject({ ...named, type: z.literal("multivalued"), ...pooledFields, ...vocabularyFields }),
  statisticConfigSchema,
  textConfigSchema,
  affinityConfigSchema,
]);

/** The origin of a feature's value: the user, the item, the history or the time, and what of it. */
export interface Field {
  source:
    | "user"
    | "item"
    /** A column of the interaction itself. */
    | "context"
    | "history.item"
    | "history.rating"
    | "history.length"
    | "time.hour"
    | "time.weekday"
    /** Seconds since the user's event before. */
    | "time.sinceLast";
  /** An attribute of the user or item, absent for the id itself; the column of the context. */
  attribute?: string | undefined;
  /** The position in a list, from 0. */
  index?: number | undefined;
}

/** `context.device`, or `device` alone. */
const contextField = /^(?:context\.)?([^.[\]]+)(?:\[(\d+)\])?$/;
const attributeField = /^(user|item|history\.item)(?:\.([^.[\]]+)(?:\[(\d+)\])?)?$/;

/**
 * Parses a field such as `item.genres[0]`.
 * @throws CorellaError `features/bad-field`, naming the feature
 */
export function parseField(feature: FieldFeatureConfig): Field {
  const { field } = feature;
  const parsed = parse(field);
  const fits =
    feature.type === "sequence"
      ? parsed?.source === "history.item" || parsed?.source === "history.rating"
      : parsed !== undefined && parsed.source !== "history.item" && parsed.source !== "history.rating";
  if (parsed === undefined || !fits) {
    throw new CorellaError({
      code: "features/bad-field",
      message: `"${field}" is not a field of a ${feature.type} feature.`,
      place: `features.${feature.name}.field`,
      remedy:
        feature.type === "sequence"
          ? "Use history.item, history.rating or history.item.<attribute>."
          : "Use user, item, user.<attribute>, item.<attribute>, item.<attribute>[0], the name of a context column, history.length, time.hour, time.weekday or time.sinceLast.",
    });
  }
  return parsed;
}

function parse(field: string): Field | undefined {
  if (
    field === "history.rating" ||
    field === "history.length" ||
    field === "time.hour" ||
    field === "time.weekday" ||
    field === "time.sinceLast"
  ) {
    return { source: field };
  }
  const match = attributeField.exec(field);
  if (match === null) {
    const [, attribute, index] = contextField.exec(field) ?? [];
    if (attribute === undefined) return undefined;
    return { source: "context", attribute, index: index === undefined ? undefined : Number(index) };
  }
  return {
    source: match[1] as "user" | "item" | "history.item",
    attribute: match[2],
    index: match[3] === undefined ? undefined : Number(match[3]),
  };
}
