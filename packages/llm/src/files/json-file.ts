import { readFile } from "node:fs/promises";
import { CorellaError } from "@corella/errors";

/** Reads a JSON file. @throws CorellaError `llm/unreadable`, `llm/bad-json` */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new CorellaError({
      code: "llm/unreadable",
      message: `The file cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      place: path,
      remedy: "Check the path; the folder must hold a model or adapter in Hugging Face's layout.",
      cause,
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new CorellaError({
      code: "llm/bad-json",
      message: `The file is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
      place: path,
      remedy: "Download the file again.",
      cause,
    });
  }
}

/**
 * Checks that the content of a JSON file is an object, whatever its fields.
 * @param place the file, for the error
 * @throws CorellaError `llm/bad-json`
 */
export function asObject(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new CorellaError({
    code: "llm/bad-json",
    message: "The file does not hold a JSON object.",
    place,
    remedy: "Download the file again.",
  });
}
