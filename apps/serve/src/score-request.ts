import { CorellaError, nearestName } from "@corella/errors";
import type { Attributes, RatingRecord } from "@corella/modality";
import { z } from "zod";

/** The most samples of one request. */
export const maxSamples = 1000;

/** What is asked about: a record in which all but the item may be left out. */
export type Sample = Partial<RatingRecord> & Pick<RatingRecord, "item">;

/** Whether the LLM may answer: as the bundle's router says, for no sample, or for all. */
export type LlmUse = "auto" | "never" | "always";

/** The body of a score request, checked. */
export interface ScoreRequest {
  readonly samples: readonly Sample[];
  readonly llm: LlmUse;
  /** Whether it came as a list, and is to be answered by one. */
  readonly isList: boolean;
}

/** An id of a user or item. */
export const id: z.ZodString = z.string().min(1).max(1024);
const text = z.string().max(10_000);
/** Attributes by name. */
export const attributes: z.ZodType<Attributes> = z.record(
  z.string().max(1024),
  z.union([text, z.number(), z.array(text).max(100)], {
    error: "expected text, a number, or a list of at most 100 texts",
  }),
);
/** The times that data sources may hold, 1970 to 2100: it catches milliseconds. */
export const time: z.ZodNumber = z
  .number()
  .min(0)
  .max(4_102_444_800, "expected seconds since 1970, this is after 2100 (milliseconds?)");
const eventFields = { item: id, rating: z.number(), time: time.optional(), context: attributes.optional() };
const sampleFields = {
  user: id.nullish(),
  item: id,
  history: z.array(z.strictObject(eventFields)).max(1000).optional(),
  earlier: z.int().nonnegative().optional(),
  userAttributes: attributes.optional(),
  itemAttributes: attributes.optional(),
  context: attributes.optional(),
  time: time.optional(),
};
const optionFields = { llm: z.enum(["auto", "never", "always"]).default("auto") };
const oneSchema = z.strictObject({ ...sampleFields, ...optionFields });
const listSchema = z.strictObject({
  samples: z.array(z.strictObject(sampleFields)).min(1).max(maxSamples),
  ...optionFields,
});

/**
 * Reads the body of a score request.
 * @throws CorellaError `serve/bad-json`, `serve/unknown-field`, `serve/bad-field`, `serve/too-many-samples`
 */
export function parseScoreRequest(body: ArrayBuffer): ScoreRequest {
  const json = parseJson(body);
  const isList = typeof json === "object" && json !== null && "samples" in json;
  if (isList) {
    requireAtMost(maxSamples, "samples", json.samples);
    const parsed = listSchema.safeParse(json);
    if (!parsed.success) throw badField(parsed.error.issues, (path) => fieldsAt(path, isList));
    return { ...parsed.data, isList };
  }
  const parsed = oneSchema.safeParse(json);
  if (!parsed.success) throw badField(parsed.error.issues, (path) => fieldsAt(path, isList));
  const { llm, ...sample } = parsed.data;
  return { samples: [sample], llm, isList };
}

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
  try {
    return JSON.parse(decoded);
  } catch (error) {
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    throw fail(
      "The body is not valid JSON.",
      position === undefined ? undefined : lineAndColumn(decoded, Number(position)),
    );
  }
}

function lineAndColumn(source: string, position: number): string {
  const before = source.slice(0, position).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/**
 * Refuses context that a bundle does not know: a misspelt name would be a value that is missing.
 * @throws CorellaError `serve/unknown-field`
 */
export function requireKnownContext({ samples, isList }: ScoreRequest, known: readonly string[]): void {
  for (const [index, { context = {}, history = [] }] of samples.entries()) {
    requireKnownNames([context, ...history.map((event) => event.context ?? {})], {
      known,
      path: isList ? ["samples", index] : [],
    });
  }
}

/**
 * Refuses context that a bundle does not know, of a sample or event.
 * @throws CorellaError `serve/unknown-field`
 */
export function requireKnownNames(
  contexts: readonly Attributes[],
  { known, path }: { readonly known: readonly string[]; readonly path: readonly PropertyKey[] },
): void {
  const all = contexts.flatMap((each) => Object.keys(each));
  const unknown = all.find((name) => !known.includes(name))?.slice(0, 100);
  if (unknown !== undefined) {
    const near = nearestName(unknown, known);
    const names =
      known.length === 0 ? "The data of this bundle have no context." : `Known are ${known.join(", ")}.`;
    throw new CorellaError({
      code: "serve/unknown-field",
      message: `There is no context "${unknown}".`,
      place: pathOf([...path, "context", unknown]),
      remedy: near === undefined ? names : `Did you mean "${near}"?`,
    });
  }
}

/**
 * Refuses a list that is too long before the schema, which would look at every element.
 * @param name of the list in the request
 * @throws CorellaError `serve/too-many-samples`, `serve/too-many-events`
 */
export function requireAtMost(most: number, name: "samples" | "events", list: unknown): void {
  if (!Array.isArray(list) || list.length <= most) return;
  throw new CorellaError({
    code: `serve/too-many-${name}`,
    message: `The request has ${list.length} ${name}, at most ${most} are allowed.`,
    place: name,
    remedy: "Send them in several requests.",
  });
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

function fieldsAt(path: readonly PropertyKey[], isList: boolean): readonly string[] {
  if (path.includes("history")) return Object.keys(eventFields);
  if (path.length > 0) return Object.keys(sampleFields);
  return isList
    ? ["samples", ...Object.keys(optionFields)]
    : [...Object.keys(sampleFields), ...Object.keys(optionFields), "samples"];
}

/** ["samples", 3, "history", 0, "rating"] -> samples[3].history[0].rating */
function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}
