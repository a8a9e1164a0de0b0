import { z } from "zod";
import type { LlmUse, RequestPath, Sample } from "../deployment/sample.ts";
import { badField, parseJson } from "../http/json-body.ts";
import { attributes, id, requireAtMost, time } from "./fields.ts";

/** The most samples of one request. */
export const maxSamples = 1000;

/** The body of a score request, checked. */
export interface ScoreRequest {
  readonly samples: readonly Sample[];
  readonly llm: LlmUse;
  /** Whether it came as a list, and is to be answered by one. */
  readonly isList: boolean;
}

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
const sampleSchema = z.strictObject(sampleFields);
const optionFields = { llm: z.enum(["auto", "never", "always"]).default("auto") };
const oneSchema = z.strictObject({ ...sampleFields, ...optionFields });
const listSchema = z.strictObject({
  samples: z.array(sampleSchema).min(1).max(maxSamples),
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
 * Reads one sample, as it stands in the list of a score request.
 * @param path where it stands in the request
 * @throws CorellaError `serve/unknown-field`, `serve/bad-field`
 */
export function parseSample(json: unknown, path: RequestPath): Sample {
  const parsed = sampleSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
  throw badField(issues, (at) => fieldsAt(at, true));
}

function fieldsAt(path: readonly PropertyKey[], isList: boolean): readonly string[] {
  if (path.includes("history")) return Object.keys(eventFields);
  if (path.length > 0) return Object.keys(sampleFields);
  return isList
    ? ["samples", ...Object.keys(optionFields)]
    : [...Object.keys(sampleFields), ...Object.keys(optionFields), "samples"];
}
