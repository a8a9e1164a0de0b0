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

/** The strict schema of `data.source.ratings`. */
export const ratingsSchema: z.ZodType<RatingsConfig, unknown> = z.strictObject({
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
    .refine(hasOwnNames, ownNames)
    // By that name the tables through which they pass know the order of the file.
    .refine((columns) => !Object.keys(columns).some((name) => name.toLowerCase() === "rowid"), {
      message: "no column of the ratings may be called rowid: give it another name",
    }),
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

/** The strict schema of `data.source.items`. */
export const itemsSchema: z.ZodType<ItemsConfig, unknown> = z.strictObject({
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

/** The strict schema of `data.source.users`. */
export const usersSchema: z.ZodType<UsersConfig, unknown> = z.strictObject({
  ...tableFields,
  columns: z.object({ user: columnReference }).catchall(attributeColumn).refine(hasOwnNames, ownNames),
});

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
