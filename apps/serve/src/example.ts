import type { Catalogue } from "@corella/modality";
import type { Sample } from "./score-request.ts";

/** A request that this bundle can answer, about items of its catalogue. */
export function exampleRequest(catalogue: Catalogue): Sample {
  const [item = "an item", past = item] = catalogue.ids;
  return { item, history: [{ item: past, rating: 5 }] };
}

/** A command that sends the example of a request to a server. */
export function exampleCommand(url: string, catalogue: Catalogue): string {
  // Ids may hold quotes: JSON can say them without.
  const body = JSON.stringify(exampleRequest(catalogue)).replaceAll("'", "\\u0027");
  return `curl ${url}/v1/score -H 'content-type: application/json' -d '${body}'`;
}
