import { readFile } from "node:fs/promises";
import { CorellaError } from "@corella/errors";
import { parseDocument } from "yaml";
import { z } from "zod";
import { withSettings, type Change } from "./change.ts";

/**
 * Reads a YAML file and applies settings of the form `path.to.key=value`, whose values are YAML too.
 * @param schema of the content: with it a setting that chooses another kind drops what only the other kinds have, as `withSettings`
 * @throws CorellaError `config/missing`, `config/syntax` with line and column, `config/set`
 */
export async function readYaml(
  path: string,
  settings: readonly string[] = [],
  schema: z.ZodType = z.unknown(),
): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CorellaError({
      code: "config/missing",
      message: "The configuration cannot be read.",
      place: path,
      remedy: "Check the path and the permissions of the file.",
      cause,
    });
  });
  return withSettings(parseYaml(text, path), parseSettings(settings), schema);
}

/**
 * Settings of the form `path.to.key=value`, whose values are YAML, as changes.
 * @throws CorellaError `config/set`, `config/syntax`
 */
export function parseSettings(settings: readonly string[]): Change[] {
  return settings.map((setting): Change => {
    const match = /^([^=\s]+)=(.*)$/s.exec(setting);
    if (match === null) {
      throw new CorellaError({
        code: "config/set",
        message: `"${setting}" is not of the form path.to.key=value.`,
        place: `the setting ${setting}`,
        remedy: "Write it like stages.joint.samples=2000.",
      });
    }
    return [match[1]!, parseYaml(match[2]!, `the setting ${setting}`)];
  });
}

/**
 * Refuses settings of which nothing would be left where others come after them.
 * @param settings of the form `path.to.key=value` @param later paths of the others
 * @throws CorellaError `config/set`, `config/syntax`
 */
export function requireKept(settings: readonly string[], later: readonly string[]): void {
  for (const [path] of parseSettings(settings)) {
    const taken = later.find((other) => path === other || path.startsWith(`${other}.`));
    if (taken === undefined) continue;
    throw new CorellaError({
      code: "config/set",
      message: `The values of ${taken} that are tried would take the place of this setting.`,
      place: `the setting ${path}`,
      remedy: "Leave the setting out, or do not try values of it.",
    });
  }
}

/**
 * YAML as plain values; undefined or null where there is none.
 * @param place where the text comes from, for errors
 * @throws CorellaError `config/syntax` with line and column
 */
export function parseYaml(text: string, place: string): unknown {
  const document = parseDocument(text);
  const mistake = document.errors[0];
  if (mistake === undefined) {
    try {
      return document.toJS() as unknown;
    } catch (cause) {
      // An alias of nothing, or so many that the content would have no end.
      throw syntaxError(`${(cause as Error).message}.`, place, cause);
    }
  }
  const line = mistake.linePos?.[0];
  throw syntaxError(
    mistake.message.split("\n")[0]!.replace(/ at line .*$/, "."),
    line === undefined ? place : `${place}:${line.line}:${line.col}`,
  );
}

function syntaxError(message: string, place: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "config/syntax",
    message,
    place,
    remedy: "Correct the YAML there.",
    cause,
  });
}
