import type { RunConfig } from "../config/config.ts";
import type { RecipeName } from "../config/recipe-names.ts";
import type { StageName } from "../config/stages-config.ts";
import { systemParts, type PartsOf } from "./parts.ts";
import type { Variant } from "./variant.ts";

/** Names of the tables and pictures of the paper's section 4, and of three of our own. */
export const experimentNames = ["1", "2", "figure1", "budget", "segments", "parts"] as const;

/** A table or picture of the paper's section 4. */
export type ExperimentName = (typeof experimentNames)[number];

/** Both models in three stages. */
export const whole: Variant = { id: "corella", title: "CoReLLa", settings: { recipe: "corella" } };

/** The language model alone. */
export const llmAlone: Variant = { id: "llm", title: "LLM alone", settings: { recipe: "llm-only" } };

/** The CRM alone: the model of the configuration, or another one with its settings under `models`. */
export function crmAlone({ crm }: Pick<RunConfig, "crm">, model: string = crm.model): Variant {
  return {
    id: `crm-${model}`,
    title: model,
    settings: { recipe: "crm-only", ...(model === crm.model ? {} : { crm: { model } }) },
  };
}

/** CoReLLa without a stage. */
export function withoutStage(stage: StageName): Variant {
  const number = { warmUp: 1, joint: 2, llmAlone: 3 }[stage];
  return {
    id: `corella-without-${number}`,
    title: `w/o stage ${number}`,
    settings: { recipe: "corella", "stages.skip": [stage] },
  };
}

/** The CRM, aligned with a text encoder before it is trained. */
export const ctrl: Variant = { id: "ctrl", title: "CTRL", settings: { recipe: "ctrl" } };

/** The language model alone, tuned as TALLRec is. @param shots samples; default: as many as the configuration says */
export function tallrec(shots?: number): Variant {
  if (shots === undefined) return { id: "tallrec", title: "TALLRec", settings: { recipe: "tallrec" } };
  return {
    id: `tallrec-${shots}`,
    title: `TALLRec, ${shots.toLocaleString("en")} shots`,
    settings: { recipe: "tallrec", "tallrec.shots": shots },
  };
}

/** A T5 that learned from prompts of several kinds. */
export const p5: Variant = { id: "p5", title: "P5", settings: { recipe: "p5" } };

/** The language model alone, tuned on so many samples. */
export function llmOfSize(samples: number): Variant {
  return {
    id: `llm-${samples}`,
    title: `LLM, ${samples.toLocaleString("en")} samples`,
    settings: { recipe: "llm-only", "stages.llmAlone.samples": samples },
  };
}

/** What tables leave open. */
export interface TableOptions {
  /** Further CRMs beside the configuration's. */
  readonly models: readonly string[];
  /** Training sizes of the language model in figure 1. */
  readonly sizes: readonly number[];
  /** Training samples of TALLRec in table 1, a row each; none: one row, of the configuration's. */
  readonly shots?: readonly number[] | undefined;
}

/** The variants that a table is made of, by the recipe that the configuration names: of one model alone there are its rows. */
export function variantsOf(
  table: ExperimentName,
  config: PartsOf & Pick<RunConfig, "recipe">,
  { models, sizes, shots = [] }: TableOptions,
): Variant[] {
  const has = (recipe: RecipeName): boolean => config.recipe === "corella" || config.recipe === recipe;
  const crm = has("crm-only") ? [crmAlone(config)] : [];
  const llm = has("llm-only") ? [llmAlone] : [];
  const both = has("corella") ? [whole] : [];
  switch (table) {
    case "1":
      return [
        ...crm,
        ...(has("crm-only") ? models.map((model) => crmAlone(config, model)) : []),
        ...(has("ctrl") ? [ctrl] : []),
        ...(has("tallrec") ? (shots.length === 0 ? [tallrec()] : shots.map((count) => tallrec(count))) : []),
        ...(has("p5") ? [p5] : []),
        ...llm,
        ...both,
      ];
    case "2":
      return [...both, ...(["warmUp", "joint", "llmAlone"] as const).map(withoutStage)];
    case "figure1":
      return [...crm, ...sizes.map(llmOfSize)];
    case "budget":
      return both;
    case "segments":
      return [...crm, ...llm, ...both];
    case "parts":
      return systemParts(config).map(({ variant }) => variant);
  }
}
