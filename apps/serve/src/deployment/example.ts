import type { Bundle, Histories } from "@corella/bundle";
import type { HistoryEvent } from "@corella/modality";
import type { Sample } from "./sample.ts";

/** Users among whose events one is looked for. */
const sampleSize = 100;

/** A request that a bundle can answer: an item of its catalogue, and an event that was, with a rating as its data have them. */
export function exampleRequest(
  { catalogue, featureMap, context }: Pick<Bundle, "catalogue" | "featureMap" | "context">,
  histories: Histories,
): Sample {
  const best = bestEvent(histories);
  const item = catalogue.ids.find((id) => id !== best?.item) ?? catalogue.ids[0] ?? "an item";
  const sample = { item, ...(context !== undefined && { context }) };
  if (best === undefined) return sample;
  const { time, statistics: _, ...untimed } = best;
  const readsTime = featureMap
    ?.toJson()
    .features.some((feature) => "field" in feature && feature.field.startsWith("time."));
  return readsTime === true && time !== undefined
    ? { ...sample, history: [{ ...untimed, time }], time: time + 3600 }
    : { ...sample, history: [untimed] };
}

/** The event with the highest rating. */
function bestEvent(histories: Histories): HistoryEvent | undefined {
  let best: HistoryEvent | undefined;
  for (const event of histories.some(sampleSize).flatMap((user) => histories.of(user)))
    if (best === undefined || event.rating > best.rating) best = event;
  return best;
}

/** A command that sends an example of a request to a server. */
export function exampleCommand(url: string, example: Sample): string {
  // Ids may hold quotes: JSON can say them without.
  const body = JSON.stringify(example).replaceAll("'", "\\u0027");
  return `curl ${url}/v1/score -H 'content-type: application/json' -d '${body}'`;
}
