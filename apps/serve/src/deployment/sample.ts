import { CorellaError, nearestName } from "@corella/errors";
import { type Attributes, type RatingRecord, requireRatings } from "@corella/modality";
import { pathOf } from "../http/json-body.ts";
import type { ServiceInfo } from "./info.ts";

/** What is asked about: a record in which all but the item may be left out. */
export type Sample = Partial<RatingRecord> & Pick<RatingRecord, "item">;

/** Whether the LLM may answer: as the bundle's router says, for no sample, or for all. */
export type LlmUse = "auto" | "never" | "always";

/** Where something stands in a request: names of fields and numbers in lists. */
export type RequestPath = readonly (string | number)[];

/**
 * Refuses what a bundle's data cannot have: context of another name, a rating beyond their scale.
 * @throws CorellaError `serve/unknown-field`, `record/rating`
 */
export function requireFitting(
  { context = {}, history = [] }: Sample,
  { context: known = [], ratings }: Pick<ServiceInfo, "context" | "ratings">,
  path: RequestPath,
): void {
  requireKnownNames([context, ...history.map((event) => event.context ?? {})], { known, path });
  if (ratings !== undefined) requireRatings(history, ratings, (index) => pathOf([...path, "history", index]));
}

/**
 * Refuses context that a bundle does not know, of a sample or event: a misspelt name would be a value that is missing.
 * @throws CorellaError `serve/unknown-field`
 */
export function requireKnownNames(
  contexts: readonly Attributes[],
  { known, path }: { readonly known: readonly string[]; readonly path: RequestPath },
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
