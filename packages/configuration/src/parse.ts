import { CorellaError, nearestName } from "@corella/errors";
import { z } from "zod";

/**
 * Checks plain values by a strict schema and fills in its defaults.
 * @param place the file they come from
 * @throws CorellaError `config/unknown-key` with the nearest valid key, `config/invalid`
 */
export function parseStrict<Output>(schema: z.ZodType<Output>, input: unknown, place: string): Output {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = deepest(parsed.error.issues);
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const known = keysAt(schema, issue.path.map(String));
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

type JsonSchema = {
  properties?: Record<string, JsonSchema>;
  /** Of a record whose keys are names of a list. */
  propertyNames?: { enum?: string[] };
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
};

/** The setting names that are valid at a path. */
function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let places: JsonSchema[] = [z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema];
  const alternatives = (place: JsonSchema): JsonSchema[] => [
    place,
    ...[...(place.anyOf ?? []), ...(place.oneOf ?? [])].flatMap(alternatives),
  ];
  for (const key of path) {
    places = places
      .flatMap(alternatives)
      .flatMap((place) => [place.properties?.[key], /^\d+$/.test(key) ? place.items : undefined])
      .filter((place) => place !== undefined);
  }
  return places
    .flatMap(alternatives)
    .flatMap((place) => [...Object.keys(place.properties ?? {}), ...(place.propertyNames?.enum ?? [])]);
}
