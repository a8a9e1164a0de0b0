import { CorellaError } from "@corella/errors";
import { z } from "zod";

/** What of an event enters a statistic. */
export type StatisticOf = "rating" | "label";

/** A feature of what happened before a sample: a running number over the earlier events with the same key. */
export interface StatisticConfig {
  name: string;
  type: "statistic";
  /**
   * `mean`; `deviation`: the mean of what each event differed from the other side's mean at its time; `last`: of the
   * latest event; `count`: ln(1 + events); `sinceLast`: ln(1 + seconds since the latest event).
   */
  value: "mean" | "deviation" | "last" | "count" | "sinceLast";
  /** Of `mean`, `deviation` and `last`; default rating. The mean of the label is the share of positives. */
  of?: StatisticOf | undefined;
  /**
   * `user`, `item`, `user.age`, `item.genres[0]`, `item.genres` (all of a list: the average over them), `item.year/10` (a
   * number in stretches of 10: its decade), `context.device`, or two of these.
   */
  by: string | [string, string];
  /** Events of the training part's mean (deviations: of 0) that are added to `mean` and `deviation`; default 5. */
  prior?: number | undefined;
  /** The age at which an event counts half in `mean`, `deviation` and `count`, such as `30d`; default: none. */
  halfLife?: string | undefined;
  /** A standardised number, the id of a bucket with an embedding of its own, or both; default number. */
  encoding?: "number" | "buckets" | "both" | undefined;
  /** Buckets, with about equal counts of training rows; default 20. */
  buckets?: number | undefined;
}

const key = z.string().min(1);

/** Settings that only some values have. */
const valuesOf = {
  of: ["mean", "deviation", "last"],
  prior: ["mean", "deviation"],
  halfLife: ["mean", "deviation", "count"],
} as const;

/** A statistic, as a run's YAML may say it. */
export const statisticConfigSchema: z.ZodType<StatisticConfig> & z.core.$ZodTypeDiscriminable = z
  .strictObject({
    name: z.string().min(1),
    type: z.literal("statistic"),
    value: z.enum(["mean", "deviation", "last", "count", "sinceLast"]),
    of: z.enum(["rating", "label"]).optional(),
    by: z.union([key, z.tuple([key, key])]),
    prior: z.number().nonnegative().optional(),
    halfLife: z
      .string()
      .regex(/^(?!0+(\.0+)?d)\d+(\.\d+)?d$/, "a number of days such as 30d")
      .optional(),
    encoding: z.enum(["number", "buckets", "both"]).optional(),
    buckets: z.int().min(2).max(10_000).optional(),
  })
  .superRefine((config, context) => {
    const refuse = (setting: string, message: string): void =>
      context.addIssue({ code: "custom", path: [setting], message });
    for (const [setting, values] of Object.entries(valuesOf)) {
      if (config[setting as keyof typeof valuesOf] === undefined) continue;
      if (!(values as readonly string[]).includes(config.value))
        refuse(setting, `a statistic of value ${config.value} has no ${setting}`);
    }
    if (config.buckets !== undefined && (config.encoding ?? "number") === "number")
      refuse("buckets", "only the encodings buckets and both have buckets");
  });

/** One part of a statistic's key: an id, or the values of an attribute. */
export interface Dimension {
  readonly source: "user" | "item" | "context";
  readonly attribute?: string | undefined;
  /** The position in a list, from 0; absent: every value of the list is a key of its own. */
  readonly index?: number | undefined;
  /** Numbers are keys by the stretch of this width that they lie in; absent: each value is a key. */
  readonly width?: number | undefined;
}

/** Whether a part of a key is the user's id, which nobody else has. */
export function isUserId({ source, attribute }: Dimension): boolean {
  return source === "user" && attribute === undefined;
}

const dimensionText = /^(user|item)(?:\.([^.[\]]+?)(?:\[(\d+)\]|\/((?!0+(?:\.0+)?$)\d+(?:\.\d+)?))?)?$/;
/** `context.device`, or `device` alone, as features have it. */
const contextText = /^(?:context\.)?([^.[\]]+?)(?:\[(\d+)\]|\/((?!0+(?:\.0+)?$)\d+(?:\.\d+)?))?$/;
const secondsPerDay = 86_400;

/** The parts of a statistic's `by` as they are written, one or two. */
export function keyTexts({ by }: StatisticConfig): readonly string[] {
  return typeof by === "string" ? [by] : by;
}

/**
 * Parses a part of a key such as `item.genres[0]` or `item.year/10`.
 * @throws CorellaError `features/bad-key`, naming the feature
 */
export function parseDimension(name: string, text: string): Dimension {
  const ofEntity = dimensionText.exec(text);
  const match = ofEntity ?? [text, "context", ...(contextText.exec(text) ?? []).slice(1)];
  if (ofEntity !== null || match[2] !== undefined) {
    return {
      source: match[1] as Dimension["source"],
      attribute: match[2],
      index: match[3] === undefined ? undefined : Number(match[3]),
      width: match[4] === undefined ? undefined : Number(match[4]),
    };
  }
  throw new CorellaError({
    code: "features/bad-key",
    message: `"${text}" is nothing that events can be counted by.`,
    place: `features.${name}.by`,
    remedy:
      "Use user, item, user.<attribute>, item.<attribute>, item.<attribute>[0], item.<number>/10, the name of a context column, or a list of two of these.",
  });
}

/** The half-life in seconds; 0 where events do not age. */
export function halfLifeSeconds({ halfLife }: StatisticConfig): number {
  return halfLife === undefined ? 0 : Number(halfLife.slice(0, -1)) * secondsPerDay;
}

/** The columns of a statistic in a batch: of the number, of the bucket, or of both. */
export function statisticColumns({ name, encoding = "number" }: StatisticConfig): {
  number?: string;
  bucket?: string;
} {
  if (encoding === "both") return { number: name, bucket: `${name}_bucket` };
  return encoding === "number" ? { number: name } : { bucket: name };
}
