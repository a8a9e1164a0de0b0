import { z } from "zod";
import type { LlmUse, RequestPath, Sample } from "../deployment/sample.ts";
import { parseChecked, parseJson } from "../http/json-body.ts";
import { requireAtMost } from "./fields.ts";
import { llmUse, sampleFields } from "./sample-schema.ts";

/** The most samples of one request. */
export const maxSamples = 1000;

/** The body of a score request, checked. */
export interface ScoreRequest {
  readonly samples: readonly Sample[];
  readonly llm: LlmUse;
  /** Whether it came as a list, and is to be answered by one. */
  readonly isList: boolean;
}

const sampleSchema = z.strictObject(sampleFields).meta({ id: "Sample" });
const oneSchema = z.strictObject({ ...sampleFields, llm: llmUse });
const listSchema = z.strictObject({ samples: z.array(sampleSchema).min(1).max(maxSamples), llm: llmUse });

/** One sample, or a list of them. */
export const scoreRequestSchema: z.ZodType = z.union([oneSchema, listSchema]).meta({ id: "ScoreRequest" });

/**
 * Reads the body of a score request.
 * @throws CorellaError `serve/bad-json`, `serve/unknown-field`, `serve/bad-field`, `serve/too-many-samples`
 */
export function parseScoreRequest(body: ArrayBuffer): ScoreRequest {
  const json = parseJson(body);
  if (typeof json === "object" && json !== null && "samples" in json) {
    requireAtMost(maxSamples, "samples", json.samples);
    return { ...parseChecked(listSchema, json), isList: true };
  }
  const { llm, ...sample } = parseChecked(oneSchema, json, { known: scoreRequestSchema });
  return { samples: [sample], llm, isList: false };
}

/**
 * Reads one sample, as it stands in the list of a score request.
 * @param path where it stands in the request
 * @throws CorellaError `serve/unknown-field`, `serve/bad-field`
 */
export function parseSample(json: unknown, path: RequestPath): Sample {
  return parseChecked(sampleSchema, json, { path });
}
