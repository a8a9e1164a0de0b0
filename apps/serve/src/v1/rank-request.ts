import { CorellaError } from "@corella/errors";
import type { Catalogue } from "@corella/modality";
import { z } from "zod";
import type { LlmUse, Sample } from "../deployment/sample.ts";
import { parseChecked, parseJson } from "../http/json-body.ts";
import { id, requireAtMost } from "./fields.ts";
import { askedFields, itemFields, llmUse } from "./sample-schema.ts";

type Candidate = Pick<Sample, "item" | "itemAttributes">;

/** The most candidates that a request may name. */
const maxCandidates = 1000;
/** The most items of a catalogue that are ranked without being named: by both models, and without the LLM. */
const maxCatalogue: Readonly<Record<LlmUse, number>> = { auto: 1000, always: 1000, never: 10_000 };

const candidateSchema: z.ZodType<string | Candidate> = z.union([id, z.strictObject(itemFields)], {
  error: "expected an id from 1 to 1,024 characters, or {item, itemAttributes}",
});

/** One user, and candidates. */
export const rankRequestSchema: z.ZodType<RankBody> = z
  .strictObject({
    ...askedFields,
    candidates: z.array(candidateSchema).min(1).max(maxCandidates).optional(),
    top: z.int().positive().optional(),
    llm: llmUse,
  })
  .meta({ id: "RankRequest" });

interface RankBody extends Omit<Sample, keyof Candidate> {
  readonly candidates?: readonly (string | Candidate)[] | undefined;
  readonly top?: number | undefined;
  readonly llm: LlmUse;
}

/** The body of a rank request, checked. */
export interface RankRequest {
  /** Whom it is about, and what is told of them. */
  readonly asked: Omit<Sample, keyof Candidate>;
  /** undefined: the whole catalogue. */
  readonly candidates: readonly Candidate[] | undefined;
  /** How many are told at most; undefined: all. */
  readonly top: number | undefined;
  readonly llm: LlmUse;
}

/**
 * Reads the body of a rank request.
 * @throws CorellaError `serve/bad-json`, `serve/unknown-field`, `serve/bad-field`, `serve/too-many-candidates`
 */
export function parseRankRequest(body: ArrayBuffer): RankRequest {
  const json = parseJson(body);
  if (typeof json === "object" && json !== null && "candidates" in json)
    requireAtMost(maxCandidates, "candidates", json.candidates);
  const { candidates, top, llm, ...asked } = parseChecked(rankRequestSchema, json);
  const named = candidates?.map((candidate) =>
    typeof candidate === "string" ? { item: candidate } : candidate,
  );
  return { asked, candidates: named, top, llm };
}

/**
 * The whole catalogue as candidates, in its order.
 * @throws CorellaError `serve/too-many-candidates`
 */
export function allCandidates(catalogue: Catalogue, llm: LlmUse): readonly Pick<Sample, "item">[] {
  const { ids } = catalogue;
  if (ids.length <= maxCatalogue[llm]) return ids.map((item) => ({ item }));
  throw new CorellaError({
    code: "serve/too-many-candidates",
    message: `The request names no candidates, and the catalogue has ${ids.length} items, more than ${maxCatalogue[llm]}.`,
    place: "candidates",
    remedy:
      ids.length <= maxCatalogue.never
        ? 'Name up to 1,000, or leave the LLM out by "llm": "never".'
        : "Name up to 1,000.",
  });
}
