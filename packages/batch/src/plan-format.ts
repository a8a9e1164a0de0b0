import { z } from "zod";
import { columnsSchema, type Columns } from "./columns.ts";

/** A range of rows of one input. */
export interface Shard {
  /** Which of the inputs. */
  readonly input: number;
  /** The first row of the input, from 0. */
  readonly start: number;
  readonly rows: number;
  /** Where these rows lie in a text file: from, and up to. */
  readonly bytes?: readonly [from: number, to: number] | undefined;
}

/** Everything that decides what is scored, and with what: made once and never changed. Relative paths start at the working directory. */
export interface Plan {
  readonly format: 1;
  readonly bundle: {
    readonly folder: string;
    readonly name: string;
    /** SHA-256 of its manifest, which has those of all its files. */
    readonly manifest: string;
  };
  readonly inputs: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly sha256: string;
    readonly rows: number;
  }[];
  readonly columns: Columns;
  /** Seconds since 1970, for rows without a time. */
  readonly now: number;
  /** Who answers: as the bundle's router says, the CRM alone, or the LLM all. */
  readonly llm: "auto" | "never" | "always";
  /** What becomes of rows that cannot be asked: the shard fails, or they are written without an answer. */
  readonly malformed: "error" | "null";
  /** Of each model in a shard's process. Another count may round otherwise. */
  readonly threads: number;
  readonly shards: readonly Shard[];
  /** A folder or s3://bucket/prefix */
  readonly output: string;
  /** Names and Parquet types of the output's columns. */
  readonly schema: readonly (readonly [name: string, type: string])[];
  /** SHA-256 of all the rest. */
  readonly hash: string;
}

/** The columns of every part. `row` counts from 0 within its input; `reason` is of rows without an answer. */
export const outputSchema: Plan["schema"] = [
  ["input", "INTEGER"],
  ["row", "BIGINT"],
  ["user", "VARCHAR"],
  ["item", "VARCHAR"],
  ["time", "DOUBLE"],
  ["probability", "FLOAT"],
  ["route", "VARCHAR"],
  ["p_crm", "FLOAT"],
  ["p_llm", "FLOAT"],
  ["entropy", "FLOAT"],
  ["reason", "VARCHAR"],
];

const sha256 = z.string().length(64);
const count = z.int().nonnegative();

/** A plan as it is read. */
export const planSchema: z.ZodType<Plan> = z.strictObject({
  format: z.literal(1),
  bundle: z.strictObject({ folder: z.string(), name: z.string(), manifest: sha256 }),
  inputs: z.array(z.strictObject({ path: z.string(), bytes: count, sha256, rows: count })).min(1),
  columns: columnsSchema,
  now: z.number(),
  llm: z.enum(["auto", "never", "always"]),
  malformed: z.enum(["error", "null"]),
  threads: z.int().positive(),
  shards: z
    .array(
      z.strictObject({
        input: count,
        start: count,
        rows: z.int().positive(),
        bytes: z.tuple([count, count]).optional(),
      }),
    )
    .min(1),
  output: z.string(),
  schema: z.array(z.tuple([z.string(), z.string()])),
  hash: sha256,
});
