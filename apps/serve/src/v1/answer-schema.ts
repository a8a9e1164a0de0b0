import { z } from "zod";

/** What `POST /v1/score` says of a sample. */
export const answerFields: z.ZodRawShape = {
  probability: z.number().min(0).max(1),
  route: z.enum(["crm", "llm"]),
  entropy: z.number().optional(),
  pCrm: z.number().min(0).max(1).optional(),
  pLlm: z.number().min(0).max(1).optional(),
  missing: z.array(z.string()).optional(),
  degraded: z.literal(true).optional(),
  fallback: z.enum(["full", "timeout", "budget", "failed", "aborted"]).optional(),
  coldStart: z.literal(true).optional(),
  unknownItem: z.literal(true).optional(),
  storeDown: z.literal(true).optional(),
};

/** How long the request took. */
export const latencyMs: z.ZodNumber = z.number().nonnegative();

/** Codes of the problems that scoring may have. */
export const scoringProblems: readonly string[] = [
  "record/rating",
  "serve/unknown-event",
  "serve/no-number",
  "serve/loading",
  "serve/busy",
  "serve/lane-down",
  "serve/store-down",
];

/** Milliseconds since a moment of `performance.now()`, to the microsecond. */
export function millisecondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 1000) / 1000;
}
