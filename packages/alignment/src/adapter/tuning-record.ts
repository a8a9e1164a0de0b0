import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { decoderParams, openPretrained } from "@corella/llm";
import { z } from "zod";

/** The base model as TRL is told of it. */
export interface TrlBase {
  /** A folder, relative to that of the rows, or the model's name on the hub. */
  readonly name: string;
  readonly revision?: string | undefined;
}

/** A file of rows. */
export interface RowsFile {
  readonly rows: number;
  /** Places with a label, which are the answers that are taught. */
  readonly answers: number;
  readonly tokens: number;
  /** Tokens of the longest row. */
  readonly longest: number;
  readonly sha256: string;
}

/** What rows were exported, of which model and data: by it an adapter that comes back is checked. */
export interface TuningRecord {
  readonly format: 1;
  readonly recipe: string;
  readonly base: TrlBase & {
    /** Of shape and of a part of every weight. */
    readonly sha256: string;
  };
  readonly tokenizer: { readonly sha256: string; readonly chat: boolean };
  /** Every module that is adapted, by the decoder's names. */
  readonly lora: {
    readonly rank: number;
    readonly alpha: number;
    readonly dropout: number;
    readonly rsLora: boolean;
    readonly modules: readonly string[];
  };
  /** Token ids of the answers. */
  readonly answers: { readonly yes: number; readonly no: number };
  readonly supervision: "single" | "dense";
  /** How rows are to be read, in words. */
  readonly layout: Readonly<Record<"end" | "padding" | "attention" | "loss", string>>;
  /** What was read of the data's sources. */
  readonly data: string;
  readonly seed: number;
  readonly files: Readonly<Record<string, RowsFile>>;
}

/** Its name in the folder of an export. */
export const recordName = "corella.json";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
const recordSchema: z.ZodType<TuningRecord, unknown> = z.object({
  format: z.literal(1),
  recipe: z.string(),
  base: z.object({ name: z.string(), revision: z.string().optional(), sha256 }),
  tokenizer: z.object({ sha256, chat: z.boolean() }),
  lora: z.object({
    rank: z.int().positive(),
    alpha: z.number().positive(),
    dropout: z.number(),
    rsLora: z.boolean(),
    modules: z.array(z.string()).min(1),
  }),
  answers: z.object({ yes: count, no: count }),
  supervision: z.enum(["single", "dense"]),
  layout: z.object({ end: z.string(), padding: z.string(), attention: z.string(), loss: z.string() }),
  data: z.string(),
  seed: count,
  files: z.record(
    z.string(),
    z.object({ rows: count, answers: count, tokens: count, longest: count, sha256 }),
  ),
});

/** Reads the record of an export. @throws CorellaError `adapter/record` */
export async function readRecord(folder: string): Promise<TuningRecord> {
  const path = join(folder, recordName);
  const fail = (message: string, cause?: unknown): CorellaError =>
    new CorellaError({
      code: "adapter/record",
      message,
      place: path,
      remedy: "Name the folder that an export wrote, or export again.",
      cause,
    });
  if (!existsSync(path)) throw fail("The folder has no record of an export.");
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw fail("The record of the export is no JSON.", cause);
  }
  const parsed = recordSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fail(`The record of the export is damaged at ${issue!.path.join(".")}: ${issue!.message}.`);
}

/** The hash of a text. */
export function hashOfText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Rows of every weight that are hashed. */
const hashedRows = 2;

/**
 * The hash of a model's shape and of the first rows of each of its weights: read in a moment whatever its size, and another
 * one for any other training of it.
 * @param source whatever `openPretrained` takes
 */
export async function hashOfBase(source: string): Promise<string> {
  const { config, weights } = await openPretrained(source);
  try {
    const hash = createHash("sha256").update(JSON.stringify(config));
    for (const [name, { shape }] of Object.entries(decoderParams(config))) {
      const { buffer, byteOffset, byteLength } = await weights.read(name, [
        0,
        Math.min(hashedRows, shape[0]!),
      ]);
      hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
    }
    return hash.digest("hex");
  } finally {
    await weights.close();
  }
}
