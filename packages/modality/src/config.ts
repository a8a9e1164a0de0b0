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
  }),
]);

/** Fields of every table: where it lies and how its text is to be read. */
const tableFields = {
  /** File, glob or URL; relative paths start at the folder of the config. `.gz` and `.zst` are read as they are. */
  path: z.string().min(1),
  /** The file inside of `path` when that is a `.zip`. */
  member: z.string().min(1).optional(),
  format: z.enum(["csv", "parquet", "jsonl"]).default("csv"),
  delimiter: z.string().min(1).max(4).default(","),
  /** The quote of delimited text; "" when quotes are ordinary characters, as in MovieLens. */
  quote: z.string().max(1).default('"'),
  header: z.boolean().default(false),
  encoding: z.enum(["utf-8", "latin1"]).default("utf-8"),
  onBadRow: z.enum(["error", "skip"]).default("error"),
  /** Said when the file is missing: where it is to be had, under which licence. */
  whereToGet: z.string().optional(),
};

/** Whether names are told apart by more than their case, and none is one that reading needs. */
function hasOwnNames(columns: object): boolean {
  const names = Object.keys(columns).map((name) => name.toLowerCase());
  return new Set([...names, "bad", "bad_text", "broken"]).size === names.length + 3;
}

const ratingsSchema = z.strictObject({
  ...tableFields,
  columns: z
    .object({
      user: columnReference,
      item: columnReference,
      rating: columnReference.optional(),
      label: columnReference.optional(),
      time: columnReference,
    })
    // Context of the interaction, under names of one's own.
    .catchall(attributeColumn)
    .refine(hasOwnNames, {
      message:
        "DuckDB tells names of columns apart whatever their case, and knows `bad` and `broken`: call one otherwise",
    })
    .refine((columns) => columns.rating !== undefined || columns.label !== undefined, {
      message: "columns needs a rating or a label",
    }),
  /** How `time` is written; the log keeps seconds since 1970. `text` is ISO 8601. */
  timeUnit: z.enum(["seconds", "milliseconds", "text"]).default("seconds"),
});

const itemsSchema = z.strictObject({
  ...tableFields,
  columns: z.object({ item: columnReference }).catchall(attributeColumn),
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
  columns: z.object({ user: columnReference }).catchall(attributeColumn),
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
  ]),
  "time",
) as z.ZodType<SplitConfig, DataConfigInput["split"]>;

/** From files to an interaction log, its labels, histories and split: all that `data:` of a run's YAML may say. */
export const dataConfigSchema: z.ZodType<DataConfig, DataConfigInput> = z.strictObject({
  source: z.strictObject({
    ratings: ratingsSchema,
    items: itemsSchema.optional(),
    users: usersSchema.optional(),
  }),
  label: z.union([
    /** label = rating >= threshold */
    z.strictObject({ threshold: z.number() }),
    /** label = the 0/1 column `columns.label`; history items of at least `likedThreshold` count as liked. */
    z.strictObject({ column: z.literal(true), likedThreshold: z.number().default(0.5) }),
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

/** A column: its name (files with a header, Parquet, JSON lines) or its 0-based position (delimited text). */
export type ColumnReference = string | number;
/**
 * A column of an attribute, with its type, the separator of several values in one cell, and the text that stands for no
 * value.
 */
export type AttributeColumn =
  | ColumnReference
  | {
      column: ColumnReference;
      type: "text" | "number" | "list";
      separator: string;
      missing?: string | undefined;
    };

/** A table of a source: where it lies and how it is read, with every default filled in. */
export interface TableConfig {
  path: string;
  member?: string | undefined;
  format: "csv" | "parquet" | "jsonl";
  delimiter: string;
  quote: string;
  header: boolean;
  encoding: "utf-8" | "latin1";
  onBadRow: "error" | "skip";
  whereToGet?: string | undefined;
}

/** The table of interactions. */
export interface RatingsConfig extends TableConfig {
  columns: {
    user: ColumnReference;
    item: ColumnReference;
    rating?: ColumnReference | undefined;
    label?: ColumnReference | undefined;
    time: ColumnReference;
    /** Context of the interaction itself, such as its device, under names of one's own. */
    [context: string]: AttributeColumn | undefined;
  };
  timeUnit: "seconds" | "milliseconds" | "text";
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
  | { kind: "randomByUser"; shares: Shares; seed: number };

/** The parsed config: every default filled in. */
export interface DataConfig {
  source: {
    ratings: RatingsConfig;
    items?: ItemsConfig | undefined;
    users?: UsersConfig | undefined;
  };
  label: { threshold: number } | { column: true; likedThreshold: number };
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
    };
type Loose<T extends TableConfig> = Partial<Omit<T, "path" | "columns">> & { path: string };

/** What a user writes: defaults may be left out. */
export interface DataConfigInput {
  source: {
    ratings: Loose<RatingsConfig> & {
      columns: Pick<RatingsConfig["columns"], "user" | "item" | "rating" | "label" | "time"> & {
        [context: string]: InputAttributeColumn | undefined;
      };
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
