import { CorellaError, nearestName } from "@corella/errors";
import type { z } from "zod";
import { fittingKinds, inside, keysOf, outermost } from "./places.ts";

/**
 * Checks plain values by a strict schema and fills in its defaults.
 * @param place the file they come from
 * @throws CorellaError `config/unknown-key` with the nearest valid key, `config/invalid`
 * @example
 * ```ts
 * import { parseStrict } from "@corella/configuration";
 * import { z } from "zod";
 *
 * const schema = z.strictObject({ epochs: z.number().default(5) });
 * console.log(parseStrict(schema, {}, "my.yaml").epochs); // 5
 * try {
 *   parseStrict(schema, { epoch: 3 }, "my.yaml");
 * } catch (error) {
 *   console.log(String((error as { remedy?: string }).remedy)); // Did you mean epochs?
 * }
 * ```
 */
export function parseStrict<Output>(schema: z.ZodType<Output>, input: unknown, place: string): Output {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = deepest(parsed.error.issues);
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const known = keysAt(schema, issue.path.map(String), input);
    const near = nearestName(key, known);
    throw new CorellaError({
      code: "config/unknown-key",
      message: `There is no setting ${path === "" ? key : `${path}.${key}`}.`,
      place,
      remedy: near === undefined ? `There are ${[...new Set(known)].join(", ")}.` : `Did you mean ${near}?`,
    });
  }
  throw new CorellaError({
    code: "config/invalid",
    message: `${path === "" ? "The configuration" : path}: ${issue.message}.`.replace(/\.+$/, "."),
    place,
    remedy: "Correct the value there.",
  });
}

/** Issues of the alternatives of a union are inside it; the deepest one is the most telling. */
function deepest(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  let best = issues[0]!;
  for (const issue of issues) {
    const inner =
      issue.code === "invalid_union" && issue.errors.length > 0
        ? deepest(issue.errors.flat().map((nested) => ({ ...nested, path: [...issue.path, ...nested.path] })))
        : issue;
    if (inner.path.length > best.path.length || best.code === "invalid_union") best = inner;
  }
  return best;
}

/** The setting names that are valid at a path: those of the kinds that the input says, where it says them. */
function keysAt(schema: z.ZodType, path: readonly string[], input: unknown): string[] {
  let [places, value] = [fittingKinds(outermost(schema), input), input];
  for (const key of path) {
    value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
    places = fittingKinds(inside(places, key), value);
  }
  return keysOf(places);
}
