import { defaultKind } from "@corella/configuration";
import { CorellaError } from "@corella/errors";
import { z } from "zod";

/** A column: its name (files with a header, Parquet, JSON lines) or its 0-based position (delimited text). */
const columnReference = z.union([z.string().min(1), z.int().nonnegative()]);

/** An attribute: a column, or a column with its type and, for several values in one cell, their separator. */
const attributeColumn = z.union([
  columnReference,
  z.strictObject({
    column: columnReference,
    type: z.enum(["text", "number", "list"]).default("text"),
    separator: z.string().min(1).default("|"),
    /** What a cell says that has no value, for example "N/A"; empty cells have none anyway. */
    missing: z.string().min(1).optional(),
    /** Of objects, alone or in lists, the field that is meant: `name` of `[{"id": 28, "name": "Action"}]`; "*": the names of the fields. */
    key: z.string().min(1).optional(),
  }),
]);

/** Fields of every table: where it lies and how its text is to be read. */
const tableFields = {
  /** File, glob or URL; relative paths start at the folder of the config. `.gz` and `.zst` are read as they are. */
  path: z.string().min(1),
  /** The file inside of `path` when that is a `.zip`. */
  member: z.string().min(1).optional(),
  format: z.enum(["csv", "parquet", "jsonl", "json"]).default("csv"),
  delimiter: z.string().min(1).max(4).default(","),
  /** The quote of delimited text; "" when quotes are ordinary characters, as in MovieLens. */
  quote: z.string().max(1).default('"'),
  /** Before a quote, a delimiter or itself it makes that an ordinary character: "\\" in exports of MySQL. A doubled quote does anyway. */
  escape: z.string().max(1).default(""),
  header: z.boolean().default(false),
  /** Whether the last column is all that is left of a line, delimiters too, as the titles of the Netflix Prize. */
  lastTakesRest: z.boolean().default(false),
  /** `cp1252` is what Windows calls ANSI. A mark of UTF-16 at the start of a file is believed. */
  encoding: z.enum(["utf-8", "latin1", "cp1252", "utf-16"]).default("utf-8"),
  /** What cells say that have no value, such as "\\N" and "NA"; empty ones have none anyway. */
  missing: z
    .union([
      z
        .string()
        .min(1)
        .transform((text) => [text]),
      z.array(z.string().min(1)),
    ])
    .default([]),
  /** What parts a number from its fraction. */
  decimal: z.enum([".", ","]).default("."),
  onBadRow: z.enum(["error", "skip"]).default("error"),
  /** Rows that are read, by conditions that all hold: "rating > 0"; names are those of `columns` or of the file. */
  where: z
    .union([
      z
        .string()
        .min(1)
        .transform((condition) => [condition]),
      z.array(z.string().min(1)),
    ])
    .default([]),
  /** Said when the file is missing: where it is to be had, under which licence. */
  whereToGet: z.string().optional(),
};

/** Texts of a column, or patterns of names of files, that belong to one part of the split. */
const partNames = z.union([
  z
    .string()
    .min(1)
    .transform((name) => [name]),
  z.array(z.string().min(1)).min(1),
]);

/** Whether names are told apart by more than their case, as the tables through which they pass demand. */
function hasOwnNames(columns: object): boolean {
  const names = Object.keys(columns).map((name) => name.toLowerCase());
  return new Set(names).size === names.length;
}
const ownNames = {
  message: "columns are told apart by more than the case of their names: call one otherwise",
};

/** Whether a text is a regular expression with a group. */
function hasOneGroup(pattern: string): boolean {
  try {
    return new RegExp(`${pattern}|`).exec("")!.length > 1;
  } catch {
    return false;
  }
}

const ratingsSchema = z.strictObject({
  ...tableFields,
  columns: z
    .object({
      /** Left out: each row is a user of its own, without a history. */
      user: columnReference.optional(),
      /** Left out: all rows are of one item. */
      item: columnReference.optional(),
      rating: columnReference.optional(),
      /** 0 and 1, -1 and 1, or words such as true and false. */
      label: columnReference.optional(),
      /** Left out: there is no time, so no history either, unless `history.ties` is `order`: that of the file. */
      time: columnReference.optional(),
      /** Says of each row whether it is for training, validation or test, for `split: { kind: given }`. */
      part: columnReference.optional(),
    })
    // Context of the interaction, under names of one's own.
    .catchall(attributeColumn)
    .refine(hasOwnNames, ownNames),
  /**
   * How `time` is written; the log keeps seconds since 1970. `text` is ISO 8601 or another common date; `steps` are numbers
   * that order the rows and are no clock, such as row numbers.
   */
  timeUnit: z
    .enum(["seconds", "milliseconds", "microseconds", "nanoseconds", "steps", "text"])
    .default("seconds"),
  /** The form of `time`, as for strptime: "%y%m%d%H". */
  timeFormat: z.string().min(1).optional(),
  /** Of several rows of one user and item: all, or the first or last of them in time. */
  duplicates: z.enum(["keep", "first", "last"]).default("keep"),
  /** Rows that show several items at once: `columns.item` holds a list, and each of its items becomes a row. */
  impressions: z
    .strictObject({
      separator: z.string().min(1).default(" "),
      /**
       * Where the labels are: `attached` to the items (N1-0 N2-1), `parallel` in a list of `columns.label`, or `clicked`:
       * that column lists the items whose label is 1.
       */
      labels: z.enum(["attached", "parallel", "clicked"]).default("attached"),
      /** What parts an item from the label that is attached to it. */
      joint: z.string().min(1).default("-"),
    })
    .optional(),
  /**
   * Lines that tell `column` of all rows below them, as `1:` does in the files of the Netflix Prize. `pattern` is a regular
   * expression for such a line, whose first group is the id.
   */
  heading: z
    .strictObject({
      column: z.enum(["user", "item"]),
      pattern: z
        .string()
        .refine(hasOneGroup, "write a regular expression with a group, as ^(.+):$")
        .default("^([^,;|\\t]*):$"),
    })
    .optional(),
  /**
   * For `split: { kind: given }`: the texts of `columns.part` that mean each part or, without that column, patterns of the
   * names of the files that `path` names: `{ train: train.json, test: "test*.json" }`.
   */
  parts: z
    .strictObject({ train: partNames, validation: partNames.optional(), test: partNames.optional() })
    .optional(),
});

const itemsSchema = z.strictObject({
  ...tableFields,
  columns: z.object({ item: columnReference }).catchall(attributeColumn).refine(hasOwnNames, ownNames),
  /** Lists that are spelt as a run of 0/1 columns, as the genres of MovieLens-100K. */
  flags: z
    .record(
      z.string(),
      z.strictObject({ firstColumn: z.int().nonnegative(), names: z.array(z.string()).min(1) }),
    )
    .default({}),
  /** Split "Heat (1995)" into title "Heat" and the number attribute year 1995. */
  titleYear: z.boolean().default(false),
  /** Decode HTML entities and drop tags in text (Amazon). */
  cleanHtml: z.boolean().default(false),
});

const usersSchema = z.strictObject({
  ...tableFields,
  columns: z.object({ user: columnReference }).catchall(attributeColumn).refine(hasOwnNames, ownNames),
});

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
        `without columns.time there is no ${split.kind} split: write kind: randomByRow or randomByUser, or history: { ties: order } where the file is in order`,
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

/** A column: its name (files with a header, Parquet, JSON lines) or its 0-based position (delimited text). */
export type ColumnReference = string | number;
/**
 * A column of an attribute, with its type, the separator of several values in one cell, the text that stands for no
 * value, and the field of objects that is meant.
 */
export type AttributeColumn =
  | ColumnReference
  | {
      column: ColumnReference;
      type: "text" | "number" | "list";
      separator: string;
      missing?: string | undefined;
      key?: string | undefined;
    };

/** A table of a source: where it lies and how it is read, with every default filled in. */
export interface TableConfig {
  path: string;
  member?: string | undefined;
  format: "csv" | "parquet" | "jsonl" | "json";
  delimiter: string;
  quote: string;
  escape: string;
  header: boolean;
  lastTakesRest: boolean;
  encoding: "utf-8" | "latin1" | "cp1252" | "utf-16";
  missing: string[];
  decimal: "." | ",";
  onBadRow: "error" | "skip";
  where: string[];
  whereToGet?: string | undefined;
}

/** Lines that tell a column of all rows below them, and the pattern by which they are known. */
export interface Heading {
  column: "user" | "item";
  pattern: string;
}

/** The table of interactions. */
export interface RatingsConfig extends TableConfig {
  columns: {
    user?: ColumnReference | undefined;
    item?: ColumnReference | undefined;
    rating?: ColumnReference | undefined;
    label?: ColumnReference | undefined;
    time?: ColumnReference | undefined;
    part?: ColumnReference | undefined;
    /** Context of the interaction itself, such as its device, under names of one's own. */
    [context: string]: AttributeColumn | undefined;
  };
  timeUnit: "seconds" | "milliseconds" | "microseconds" | "nanoseconds" | "steps" | "text";
  timeFormat?: string | undefined;
  duplicates: "keep" | "first" | "last";
  heading?: Heading | undefined;
  impressions?: { separator: string; labels: "attached" | "parallel" | "clicked"; joint: string } | undefined;
  parts?: { train: string[]; validation?: string[] | undefined; test?: string[] | undefined } | undefined;
}

/** The table of items and their attributes. */
export interface ItemsConfig extends TableConfig {
  columns: { item: ColumnReference; [attribute: string]: AttributeColumn };
  flags: Record<string, { firstColumn: number; names: string[] }>;
  titleYear: boolean;
  cleanHtml: boolean;
}

/** The table of users and their attributes. */
export interface UsersConfig extends TableConfig {
  columns: { user: ColumnReference; [attribute: string]: AttributeColumn };
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
