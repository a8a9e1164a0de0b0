import { CorellaError, nearestName } from "@corella/errors";
import type { z } from "zod";
import { parseUnambiguous } from "../security/strict-json.ts";

/**
 * Parses the body of a request.
 * @throws CorellaError `serve/bad-json`
 */
export function parseJson(body: ArrayBuffer): unknown {
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
    decoded = new TextDecoder("utf-8", { fatal: true }).decode(body);
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
 * The error of a body that is not as its schema says.
 * @param knownAt the names that are known at a path
 */
export function badField(
  issues: readonly z.core.$ZodIssue[],
  knownAt: (path: readonly PropertyKey[]) => readonly string[],
): CorellaError {
  // A misspelt name explains what is missing.
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!;
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

/** ["samples", 3, "history", 0, "rating"] -> samples[3].history[0].rating */
export function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}
