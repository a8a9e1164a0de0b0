import { z } from "zod";
import type { LlmUse, Sample } from "../deployment/sample.ts";
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
  const { llm, ...sample } = parseChecked(oneSchema, json, scoreRequestSchema);
  return { samples: [sample], llm, isList: false };
}
