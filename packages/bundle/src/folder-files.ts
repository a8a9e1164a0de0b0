import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { writeFileAtomic } from "@corella/files";
import type { z } from "zod";

/** Writes a value as indented JSON into a bundle's folder. */
export async function writeJson(folder: string, file: string, value: unknown): Promise<void> {
  await writeFileAtomic(join(folder, file), `${JSON.stringify(value, undefined, 2)}\n`);
}

/**
 * Reads a JSON file of a bundle.
 * @throws CorellaError `bundle/damaged` where it is no JSON, or not what the schema says
 */
export async function readJson<T>(folder: string, file: string, schema: z.ZodType<T>): Promise<T> {
  const path = join(folder, file);
  const parsed = schema.safeParse(parseJson(await readFile(path, "utf8"), path));
  if (!parsed.success)
    throw damaged(path, `A file of the bundle is not as it should be: ${parsed.error.issues[0]!.message}.`);
  return parsed.data;
}

/** @throws CorellaError `bundle/damaged` where a text of a bundle is no JSON */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(path, "A file of the bundle is not valid JSON.");
  }
}

/** The error of a file that is not as the bundle was written. */
export function damaged(place: string, message: string): CorellaError {
  return new CorellaError({
    code: "bundle/damaged",
    message,
    place,
    remedy: "Restore the bundle from a copy, or train it again.",
  });
}
