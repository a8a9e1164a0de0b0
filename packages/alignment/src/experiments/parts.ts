import { vectorsNamed } from "@corella/modality";
import type { RunConfig } from "../config/config.ts";
import type { Settings } from "../tuning/search-space.ts";
import type { Variant } from "./variant.ts";

/** A part of the whole system: what is there with it and all parts before it. */
export interface SystemPart {
  /** For programs: unlike every other part's. */
  readonly name: string;
  /** For people: what is added to the part before. */
  readonly title: string;
  readonly variant: Variant;
  /** Name of the predictions; undefined: what the variant serves. */
  readonly prediction?: string | undefined;
}

/** What decides which parts there are. */
export type PartsOf = Pick<RunConfig, "crm" | "features" | "llm" | "stages">;

/**
 * The parts of the system in the order in which they are put together, from the CRM alone: text vectors where features look some
 * up, an LLM that is tuned alone on prompts with one target and replaces the least sure answers, adding its logit in place of
 * that, dense supervision where the configuration has it, the joint stage, the learned policy, weights by segment. Each has all
 * settings of the configuration but those that later parts are about.
 */
export function systemParts({ crm, features = [], llm, stages }: PartsOf): SystemPart[] {
  const crmOnly: Settings = { recipe: "crm-only" };
  const plain = features.filter((feature) => !("vectors" in feature));
  const withVectors = vectorsNamed(features).length > 0;
  const parts: SystemPart[] = [];
  // Without its vectors a CRM may have no feature left.
  if (withVectors && plain.length > 0)
    parts.push(
      part("crm-without-vectors", `${crm.model} without text vectors`, { ...crmOnly, features: plain }),
    );
  parts.push(
    part("crm", parts.length === 0 ? `${crm.model} alone` : "+ text vectors", crmOnly, {
      id: `crm-${crm.model}`,
    }),
  );

  const isDense = llm.supervision === "dense";
  const skipped = stages.skip ?? [];
  const start: Settings = {
    recipe: "corella",
    "stages.skip": [...new Set([...skipped, "joint"])],
    "routing.policy": "entropy",
    "routing.mix": "addLogits",
    ...(isDense ? { "llm.supervision": "single" } : {}),
  };
  // An LLM that corrects the CRM has no answer of its own that could take its place.
  if (stages.llmAlone.offset === "none")
    parts.push(part("replace", "+ LLM, replacing the least sure answers", start, { prediction: "replace" }));
  parts.push(
    part(
      "add-logits",
      parts.at(-1)!.name === "replace" ? "adding logits in place of replacing" : "+ LLM, adding logits",
      start,
    ),
  );
  let settings = start;
  const further = (name: string, title: string, changed: Settings): void => {
    settings = { ...settings, ...changed };
    parts.push(part(name, title, settings));
  };
  if (isDense) further("dense", "dense in place of single prompts", { "llm.supervision": "dense" });
  if (!skipped.includes("joint"))
    further("joint", "+ joint stage with alignment", { "stages.skip": [...skipped] });
  further("learned", "learned routing in place of entropy", { "routing.policy": "learned" });
  further("by-segment", "+ weights by segment", { "routing.mix": "addLogitsBySegment" });
  return parts;
}

function part(
  name: string,
  title: string,
  settings: Settings,
  { id = `part-${name}`, prediction }: { readonly id?: string; readonly prediction?: string } = {},
): SystemPart {
  return { name, title, variant: { id, title, settings }, prediction };
}
