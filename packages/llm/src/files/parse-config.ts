import { CorellaError } from "@corella/errors";
import type { z } from "zod";

/**
 * Checks the content of a config.json by a schema.
 * @param place the file, for the error
 * @throws CorellaError `llm/config` with the first field that is wrong
 */
export function parseConfig<Config>(
  schema: z.ZodType<Config, unknown>,
  json: unknown,
  place: string,
): Config {
  return parseContent(schema, json, place, {
    code: "llm/config",
    whole: "The config",
    remedy: "Use a model of an architecture that corella implements, with its own config.json.",
  });
}

/**
 * Checks the content of a file by a schema.
 * @param place the file, for the error
 * @param mistake how the first field that is wrong is told, or `whole` when there is no field
 * @throws CorellaError with the code in `mistake`
 */
export function parseContent<Content>(
  schema: z.ZodType<Content, unknown>,
  json: unknown,
  place: string,
  { code, whole, remedy }: { readonly code: string; readonly whole: string; readonly remedy: string },
): Content {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new CorellaError({
    code,
    message: `${issue.path.join(".") || whole}: ${issue.message}.`,
    place,
    remedy,
  });
}
