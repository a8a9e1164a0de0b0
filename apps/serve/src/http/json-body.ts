import { CorellaError, nearestName } from "@corella/errors";
import type { z } from "zod";
import { parseUnambiguous } from "../security/strict-json.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses the body of a request.
 * @throws CorellaError `serve/bad-json`
 */
export function parseJson(body: ArrayBuffer | Uint8Array): unknown {
  const fail = (message: string, place?: string): CorellaError =>
    new CorellaError({
      code: "serve/bad-json",
      message,
      place,
      remedy: 'Send a sample as JSON, for example {"user": "42", "item": "7"}.',
    });
  if (body.byteLength === 0) throw fail("The body is empty.");
  let decoded: string;
  try {
    decoded = utf8.decode(body);
  } catch {
    throw fail("The body is not UTF-8.");
  }
  let parsed: ReturnType<typeof parseUnambiguous>;
  try {
    parsed = parseUnambiguous(decoded);
  } catch (error) {
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    throw fail(
      "The body is not valid JSON.",
      position === undefined ? undefined : lineAndColumn(decoded, Number(position)),
    );
  }
  if ("value" in parsed) return parsed.value;
  throw fail(`The body is ambiguous: ${parsed.problem}.`, lineAndColumn(decoded, parsed.offset));
}

function lineAndColumn(source: string, position: number): string {
  const before = source.slice(0, position).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/**
 * What a schema makes of parsed JSON.
 * @param options.known the schema whose fields are named to whoever misspells one; default: the same
 * @param options.path where it stands in the request; default: it is the request
 * @throws CorellaError `serve/unknown-field`, `serve/bad-field`
 */
export function parseChecked<T>(
  schema: z.ZodType<T>,
  json: unknown,
  { known = schema, path: start = [] }: { known?: z.ZodType; path?: readonly PropertyKey[] } = {},
): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({ ...issue, path: [...start, ...issue.path] }));
  throw badField(issues, (path) => [...new Set(fieldsAt(known, path.slice(start.length)))]);
}

function badField(
  issues: readonly z.core.$ZodIssue[],
  knownAt: (path: readonly PropertyKey[]) => readonly string[],
): CorellaError {
  // A misspelt name explains what is missing.
  const misspelt = issues.flatMap(withAlternatives).find(({ code }) => code === "unrecognized_keys");
  const issue = misspelt ?? issues[0]!;
  const place = pathOf(issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = knownAt(issue.path);
    const unknown = issue.keys[0]!.slice(0, 100);
    const near = nearestName(unknown, known);
    return new CorellaError({
      code: "serve/unknown-field",
      message: `There is no field "${unknown}".`,
      place: pathOf([...issue.path, unknown]),
      remedy: near === undefined ? `Known are ${known.join(", ")}.` : `Did you mean "${near}"?`,
    });
  }
  const problem = issue.message.replace(/^Invalid (input|option): /, "");
  const missing = problem.endsWith("received undefined");
  return new CorellaError({
    code: "serve/bad-field",
    message: missing ? `"${place}" is missing.` : `${place || "The body"}: ${problem}.`,
    place: place || undefined,
    remedy: problem.startsWith("expected string, received number")
      ? "Ids are text: put the number in quotes."
      : "GET / shows an example of a request.",
  });
}

/** An issue, and those of each alternative where none of several fits. */
function withAlternatives(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const alternatives = issue.errors.flat().flatMap(withAlternatives);
  return [issue, ...alternatives.map((each) => ({ ...each, path: [...issue.path, ...each.path] }))];
}

/** The names of the fields that a schema knows at a path. */
function fieldsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const def = (schema as z.ZodType).def as z.core.$ZodTypes["_zod"]["def"];
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
      return fieldsAt(def.innerType, path);
    case "union":
      return def.options.flatMap((option) => fieldsAt(option, path));
    case "array":
      return path.length === 0 ? [] : fieldsAt(def.element, path.slice(1));
    case "object": {
      const [name, ...rest] = path;
      if (name === undefined) return Object.keys(def.shape);
      const field = Object.hasOwn(def.shape, name) ? def.shape[String(name)] : undefined;
      return field === undefined ? [] : fieldsAt(field, rest);
    }
    default:
      return [];
  }
}

/** ["samples", 3, "history", 0, "rating"] -> samples[3].history[0].rating */
export function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}
