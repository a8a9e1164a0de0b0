import { defaultKind } from "@corella/configuration";
import { CorellaError } from "@corella/errors";
import { z } from "zod";
import {
  itemsSchema,
  ratingsSchema,
  usersSchema,
  type ColumnReference,
  type Heading,
  type ItemsConfig,
  type RatingsConfig,
  type TableConfig,
  type UsersConfig,
} from "./source/config.ts";

const splitSchema = defaultKind(
  z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("time"),
      shares: z.tuple([z.number(), z.number(), z.number()]).default([0.8, 0.1, 0.1]),
    }),
    z.strictObject({ kind: z.literal("leaveLastOut") }),
    z.strictObject({
      kind: z.literal("randomByUser"),
      shares: z.tuple([z.number(), z.number(), z.number()]).default([0.8, 0.1, 0.1]),
      seed: z.int().default(1),
    }),
    z.strictObject({
      kind: z.literal("randomByRow"),
      shares: z.tuple([z.number(), z.number(), z.number()]).default([0.8, 0.1, 0.1]),
      seed: z.int().default(1),
    }),
    /** As `ratings.columns.part` or `ratings.parts` say. */
    z.strictObject({
      kind: z.literal("given"),
      /** Where no row is for validation: so much of the training rows, the latest or, without times, random ones. */
      validationShare: z.number().min(0).max(0.9).default(0.1),
    }),
  ]),
  "time",
) as z.ZodType<SplitConfig, DataConfigInput["split"]>;

const plainDataSchema = z.strictObject({
  source: z.strictObject({
    ratings: ratingsSchema,
    items: itemsSchema.optional(),
    users: usersSchema.optional(),
  }),
  label: z.union([
    /** label = rating >= threshold */
    z.strictObject({ threshold: z.number() }),
    /**
     * label = the 0/1 column `columns.label`. Of ratings beside it those from `likedThreshold` on count as liked in histories; left
     * out: from the rating on that goes best with the labels.
     */
    z.strictObject({ column: z.literal(true), likedThreshold: z.number().optional() }),
  ]),
  filter: z
    .strictObject({
      /** Samples with fewer earlier interactions are dropped (they remain in histories). */
      minHistory: z.int().nonnegative().default(0),
      /** Iterative k-core: users, items with fewer interactions leave the log. */
      kCoreUsers: z.int().positive().optional(),
      kCoreItems: z.int().positive().optional(),
    })
    .prefault({}),
  split: splitSchema.prefault({ kind: "time" }),
  history: z
    .strictObject({
      /** The window of most recent interactions that features and prompts may look at. */
      maxLength: z.int().positive().default(30),
      /** `exclude`: strictly smaller time. `order`: earlier in (time, user, item) order. */
      ties: z.enum(["exclude", "order"]).default("exclude"),
    })
    .prefault({}),
});

/** From files to an interaction log, its labels, histories and split: all that `data:` of a run's YAML may say. */
export const dataConfigSchema: z.ZodType<DataConfig, DataConfigInput> = z
  .preprocess(withDefaultSplit, plainDataSchema)
  .superRefine(({ source: { ratings }, label, split, history }, context) => {
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: "custom", path: path.split("."), message });
    };
    const { columns, heading, impressions, parts } = ratings;
    if (heading !== undefined && ratings.format !== "csv")
      refuse("source.ratings.heading", "heading lines are those of delimited text: they need format: csv");
    if (heading !== undefined && columns[heading.column] !== undefined)
      refuse(
        `source.ratings.columns.${heading.column}`,
        `heading lines tell the ${heading.column}, so leave columns.${heading.column} out`,
      );
    const hasLabel = columns.label !== undefined || impressions?.labels === "attached";
    if (columns.rating === undefined && !hasLabel)
      refuse("source.ratings.columns", "columns needs a rating or a label");
    else if ("column" in label && !hasLabel)
      refuse(
        "source.ratings.columns",
        "label: { column: true } needs columns.label, the column that holds it",
      );
    else if ("threshold" in label && columns.rating === undefined)
      refuse(
        "label",
        "the labels are in columns.label, so a threshold has no rating to look at: write label: { column: true }",
      );
    if (impressions !== undefined && history.ties === "order")
      refuse(
        "history.ties",
        "items of one impression would know each other's labels under ties: order: leave it out, and number the rows in a column of times (timeUnit: steps) where there are no times",
      );
    if (impressions !== undefined && heading?.column === "item")
      refuse(
        "source.ratings.impressions",
        "impressions list items in a column, so no heading can tell the item",
      );
    else if (impressions !== undefined && columns.item === undefined)
      refuse("source.ratings.columns", "impressions need columns.item, the list of the items shown");
    if (impressions !== undefined && impressions.labels !== "attached" && columns.label === undefined)
      refuse("source.ratings.columns", `impressions with labels: ${impressions.labels} need columns.label`);
    if (split.kind === "given" && columns.part === undefined && parts === undefined)
      refuse(
        "split",
        "kind: given needs source.ratings.columns.part, or source.ratings.parts with names of files",
      );
    const ofTime = split.kind === "time" || split.kind === "leaveLastOut";
    if (ofTime && columns.time === undefined && history.ties === "exclude")
      refuse(
        "split",
        `without columns.time there is no ${split.kind} split: write kind: randomByRow or randomByUser, or ${impressions === undefined ? "history: { ties: order }" : "number the rows in a column of times (timeUnit: steps)"} where the file is in order`,
      );
  }) as z.ZodType<DataConfig, DataConfigInput>;

/** Without times rows are split at random, with parts as they say, else by time. */
function withDefaultSplit(input: unknown): unknown {
  if (typeof input !== "object" || input === null || "split" in input) return input;
  const ratings = (input as { source?: { ratings?: { columns?: object; parts?: unknown } } }).source?.ratings;
  const columns = ratings?.columns;
  if (typeof columns !== "object" || columns === null) return input;
  if ("part" in columns || ratings?.parts !== undefined) return { ...input, split: { kind: "given" } };
  return "time" in columns ? input : { ...input, split: { kind: "randomByRow" } };
}

/** Shares of the samples, which sum to 1. */
export type Shares = [train: number, validation: number, test: number];
/** How samples are told apart for training, validation and test. */
export type SplitConfig =
  | { kind: "time"; shares: Shares }
  | { kind: "leaveLastOut" }
  | { kind: "randomByUser"; shares: Shares; seed: number }
  | { kind: "randomByRow"; shares: Shares; seed: number }
  | { kind: "given"; validationShare: number };

/** The parsed config: every default filled in. */
export interface DataConfig {
  source: {
    ratings: RatingsConfig;
    items?: ItemsConfig | undefined;
    users?: UsersConfig | undefined;
  };
  label: { threshold: number } | { column: true; likedThreshold?: number | undefined };
  filter: { minHistory: number; kCoreUsers?: number | undefined; kCoreItems?: number | undefined };
  split: SplitConfig;
  history: { maxLength: number; ties: "exclude" | "order" };
}

type InputAttributeColumn =
  | ColumnReference
  | {
      column: ColumnReference;
      type?: "text" | "number" | "list" | undefined;
      separator?: string | undefined;
      missing?: string | undefined;
      key?: string | undefined;
    };
type Several = string | string[];
type Loose<T extends TableConfig> = Partial<
  Omit<T, "path" | "columns" | "missing" | "where" | "heading" | "impressions" | "parts">
> & {
  path: string;
  missing?: Several | undefined;
  where?: Several | undefined;
};

/** What a user writes: defaults may be left out. */
export interface DataConfigInput {
  source: {
    ratings: Loose<RatingsConfig> & {
      columns: Pick<RatingsConfig["columns"], "user" | "item" | "rating" | "label" | "time" | "part"> & {
        [context: string]: InputAttributeColumn | undefined;
      };
      heading?: { column: Heading["column"]; pattern?: string | undefined } | undefined;
      impressions?: Partial<NonNullable<RatingsConfig["impressions"]>> | undefined;
      parts?: { train: Several; validation?: Several | undefined; test?: Several | undefined } | undefined;
    };
    items?:
      | (Loose<ItemsConfig> & {
          columns: { item: ColumnReference; [attribute: string]: InputAttributeColumn };
        })
      | undefined;
    users?:
      | (Loose<UsersConfig> & {
          columns: { user: ColumnReference; [attribute: string]: InputAttributeColumn };
        })
      | undefined;
  };
  label: { threshold: number } | { column: true; likedThreshold?: number | undefined };
  filter?:
    | { minHistory?: number; kCoreUsers?: number | undefined; kCoreItems?: number | undefined }
    | undefined;
  split?:
    | { kind: "time"; shares?: Shares | undefined }
    | { kind: "leaveLastOut" }
    | { kind: "randomByUser"; shares?: Shares | undefined; seed?: number | undefined }
    | { kind: "randomByRow"; shares?: Shares | undefined; seed?: number | undefined }
    | { kind: "given"; validationShare?: number | undefined }
    | undefined;
  history?: { maxLength?: number | undefined; ties?: "exclude" | "order" | undefined } | undefined;
}

/**
 * Parses a data config and fills in its defaults.
 * @throws CorellaError `config/invalid`, naming the key
 */
export function parseDataConfig(input: DataConfigInput): DataConfig {
  return parseWith(dataConfigSchema, input, "data");
}

/**
 * Parses with a schema.
 * @param root the path of the input, before the path of a key
 * @throws CorellaError `config/invalid` for the first issue, with the path of the key
 */
export function parseWith<Output>(schema: z.ZodType<Output>, input: unknown, root: string): Output {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new CorellaError({
    code: "config/invalid",
    message: issue.message,
    place: [root, ...issue.path.map(String)].join("."),
    remedy: "Correct this key; the README of @corella/modality lists them all.",
    cause: result.error,
  });
}
