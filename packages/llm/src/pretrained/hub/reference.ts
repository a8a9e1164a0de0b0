import { CorellaError } from "@corella/errors";

/** A model on the hub: `hf:owner/name`, with a branch, tag or commit behind an @. */
export interface HubReference {
  readonly name: string;
  readonly revision: string;
}

/** True for what `fetchModel` takes, and false for a folder. */
export function isHubReference(source: string): boolean {
  return source.startsWith("hf:");
}

/**
 * Reads `hf:owner/name` or `hf:owner/name@revision`; without a revision it is main.
 * @throws CorellaError `llm/hub-reference`
 */
export function parseHubReference(source: string): HubReference {
  const found = /^hf:([\w.-]+\/[\w.-]+)(?:@([\w.-]+(?:\/[\w.-]+)*))?$/.exec(source);
  if (found !== null && !found[0].includes("..")) return { name: found[1]!, revision: found[2] ?? "main" };
  throw new CorellaError({
    code: "llm/hub-reference",
    message: `"${source}" does not name a model of the hub.`,
    place: source,
    remedy: "Write hf:owner/name, or hf:owner/name@revision.",
  });
}
