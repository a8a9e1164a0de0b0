import { CorellaError } from "@corella/errors";
import type { z } from "zod";

/** Parses the content of a config.json. @throws CorellaError `llm/config` with the first field that is wrong */
export function parseConfig<Config>(
  schema: z.ZodType<Config, unknown>,
  json: unknown,
  place: string,
): Config {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new CorellaError({
    code: "llm/config",
    message: `${issue.path.join(".") || "The config"}: ${issue.message}.`,
    place,
    remedy: "Use a model of an architecture that corella implements, with its own config.json.",
  });
}
