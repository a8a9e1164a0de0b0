import { mergeUnder, parseStrict } from "@corella/configuration";
import { crmModels, parseCrmConfig, type CrmModelName } from "@corella/crm";
import { CorellaError } from "@corella/errors";
import { mostThreads, runtimeKinds, type RuntimeConfig } from "@corella/engine";
import type { AnswerWords } from "@corella/llm";
import {
  dataConfigSchema,
  featureConfigSchema,
  promptSettingsSchema,
  withDataPreset,
  type DataConfig,
  type FeatureConfig,
  type PromptSettings,
} from "@corella/modality";
import { mixKinds, type MixKind, type RoutingBudget } from "@corella/routing";
import { z } from "zod";
import { baseSchema, type PretrainedConfig, type ScratchConfig } from "./base-config.ts";
import { recipeNames, recipeNeeds, type RecipeName } from "./recipe-names.ts";
import { stagesSchema, type StagesConfig } from "./stages-config.ts";
import { tallrecSchema, type TallrecConfig } from "./tallrec-config.ts";
import { t5Schema, type T5ModelConfig } from "./t5-config.ts";
import { textTowerSchema, type TextTowerConfig } from "./text-tower-config.ts";

export type { PretrainedConfig, ScratchConfig } from "./base-config.ts";

/** Everything that makes a run; two runs with equal configurations end with equal bits. */
export interface RunConfig {
  /** Folder name under `runs/`. */
  readonly name: string;
  /** What is trained, and how: see the README of @corella/alignment. Left out: `corella`, or without `llm` `crm-only`. */
  readonly recipe: RecipeName;
  readonly seed: number;
  /** What computes. Another one, or other threads, end with nearly equal numbers, not with equal bits. */
  readonly runtime: RuntimeConfig;
  readonly data: DataConfig;
  /** The CRM's input; undefined: `defaultFeatures` of the log. */
  readonly features?: readonly FeatureConfig[] | undefined;
  /** The LLM's input; what is left out follows from the data: `withPromptDefaults`. */
  readonly prompt: PromptSettings;
  /** `model` and the parameters of that model; see the README of @corella/crm. */
  readonly crm: { readonly model: string; readonly [parameter: string]: unknown };
  /** Left out there is none; then these are the defaults, which the recipe `crm-only` does not read. */
  readonly llm: {
    readonly base: ScratchConfig | PretrainedConfig;
    readonly lora: {
      readonly rank: number;
      readonly alpha: number;
      readonly dropout: number;
      readonly targetModules: readonly string[];
      readonly rsLora: boolean;
      /** Adapts the last so many blocks alone, where the gradient then ends; default: all. */
      readonly lastLayers?: number | undefined;
    };
    /**
     * L_llm of stages 2 and 3. `twoWay`: the softmax over the two answers, by which samples are scored (eq. 2); `answer`:
     * over the whole vocabulary at the answer's token, and nowhere else (TALLRec).
     */
    readonly loss: "twoWay" | "answer";
    /** Training computes each block again for the gradient, in place of keeping it: less memory for more time. */
    readonly recompute: boolean;
    /** Longer prompts lose history, oldest first. Left out, it follows from data, prompt and model: `withPromptLimit`. */
    readonly maxTokens?: number | undefined;
    /**
     * How samples are put to the LLM in stages 2 and 3. `single`: each with a prompt of its own, as in the paper; `dense`: one
     * pass over a stretch of a user's history asks about every event of it, in the light of those before.
     */
    readonly supervision: "single" | "dense";
    /**
     * Above 1, so many consecutive targets of a user are tuned on after one history, the one before the first of them:
     * the history is computed once. The later targets see up to so many fewer of the newest events.
     */
    readonly targetsPerHistory: number;
    /** Tokens that are scored at once. */
    readonly tokenBudget: number;
    /** The words by which the model answers, each with others that say the same; undefined: Yes and No. */
    readonly answers?: { readonly yes: AnswerWords; readonly no: AnswerWords } | undefined;
  };
  /** The encoder that the recipe `ctrl` aligns the CRM with. */
  readonly textTower: TextTowerConfig;
  /** The recipe `tallrec`. */
  readonly tallrec: TallrecConfig;
  /** The encoder-decoder of the recipe `p5`. */
  readonly t5: T5ModelConfig;
  readonly stages: StagesConfig;
  readonly routing: {
    /** Share of the samples, the least certain, that goes to the LLM; `auto`: the best on the validation part. */
    readonly share: number | "auto";
    /**
     * `entropy`: the paper's; `learned`: by the gain that a model predicts from entropy, history length and counts of events, if that
     * wins on held-out validation users, else by entropy.
     */
    readonly policy: "entropy" | "learned";
    /** Bounds the share: what the LLM may cost for 1,000 requests, in calls, or in milliseconds or money at so much a call. */
    readonly budget?: RoutingBudget | undefined;
    /**
     * `replace`: the paper's; `temperature`, `platt`, `isotonic`: replacing by the LLM's answer, calibrated; `addLogits`: with
     * a weight; `addLogitsBySegment`: with one by how many events user and item had, if that wins on held-out validation users.
     * What a rule learns it learns on the validation part.
     */
    readonly mix: MixKind;
    /**
     * Share of the validation part, of random whole users, by which nothing is chosen: neither the CRM's nor the LLM's best
     * step, nor settings in a search. The router is fitted on it alone. 0: on the whole part, by which all that was chosen.
     */
    readonly heldOut: number;
    /** Validation rows, of random whole users, on which the rule is learned; all when there are fewer. */
    readonly validationSamples: number;
  };
  /** Rows of the test part that are scored, of random whole users; undefined: all. A large LLM takes long. */
  readonly testSamples?: number | undefined;
  readonly checkpointEverySeconds: number;
}

/** The paper's CRM. */
const defaultCrm: CrmModelName = "DCNv2";

const positiveInteger = z.int().positive();
const share = z.number().min(0).max(1);

/** A word, or several that say the same, whose white space in front may matter. */
const answerWords = z.union([
  z.string().trim().min(1),
  z.array(z.string().regex(/\S/, "must not be empty")).min(1),
]);

const shareOrAuto = z.custom<number | "auto">(
  (value) => value === "auto" || share.safeParse(value).success,
  "must be a number from 0 to 1, or auto",
);
const cost = z.number().nonnegative().optional();
const budgetSchema = z
  .strictObject({ calls: cost, milliseconds: cost, money: cost, perCall: z.number().positive().optional() })
  .refine(
    ({ calls, milliseconds, money, perCall }) =>
      [calls, milliseconds, money].filter((each) => each !== undefined).length === 1 &&
      (calls === undefined) === (perCall !== undefined),
    "must be { calls: … }, { milliseconds: …, perCall: … } or { money: …, perCall: … }, for 1,000 requests",
  );

/** The strict schema of a run's configuration, with every default; `parseRunConfig` adds presets and the settings by model. */
export const runConfigSchema: z.ZodType<RunConfig, unknown> = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w][\w.-]*$/, "must be a plain folder name")
      .default("default"),
    recipe: z.enum(recipeNames).default("corella"),
    seed: z.int().nonnegative().default(1),
    runtime: z
      .strictObject({
        kind: z.enum(runtimeKinds).default("onnxruntime"),
        threads: positiveInteger.max(mostThreads, `must be at most ${mostThreads}`).default(2),
        spinning: z.boolean().default(true),
        executionProviders: z.array(z.string().min(1)).min(1).optional(),
      })
      .prefault({}),
    data: dataConfigSchema,
    features: z.array(featureConfigSchema).optional(),
    prompt: promptSettingsSchema.prefault({}),
    crm: z.looseObject({ model: z.string() }).default({ model: defaultCrm }),
    llm: z
      .strictObject({
        base: baseSchema.prefault({}),
        lora: z
          .strictObject({
            rank: positiveInteger.default(8),
            alpha: z.number().positive().default(16),
            dropout: share.default(0),
            targetModules: z.array(z.string().min(1)).min(1).default(["q_proj", "v_proj"]),
            rsLora: z.boolean().default(false),
            lastLayers: positiveInteger.optional(),
          })
          .prefault({}),
        loss: z.enum(["twoWay", "answer"]).default("twoWay"),
        recompute: z.boolean().default(false),
        maxTokens: positiveInteger.optional(),
        supervision: z.enum(["single", "dense"]).default("single"),
        targetsPerHistory: positiveInteger.default(1),
        tokenBudget: positiveInteger.default(4096),
        answers: z
          .strictObject({ yes: answerWords, no: answerWords })
          .refine(
            ({ yes, no }) => ![no].flat().some((word) => [yes].flat().includes(word)),
            "must be different words",
          )
          .optional(),
      })
      .prefault({}),
    textTower: textTowerSchema.prefault({}),
    tallrec: tallrecSchema,
    t5: t5Schema.prefault({}),
    stages: stagesSchema,
    routing: z
      .strictObject({
        share: shareOrAuto.default(0.3),
        policy: z.enum(["entropy", "learned"]).default("entropy"),
        budget: budgetSchema.optional(),
        mix: z.enum(mixKinds).default("addLogits"),
        heldOut: z.number().nonnegative().lt(1).default(0),
        validationSamples: positiveInteger.default(5000),
      })
      .prefault({}),
    testSamples: positiveInteger.optional(),
    checkpointEverySeconds: z.number().positive().default(30),
  })
  .refine(({ llm, prompt }) => llm.supervision !== "dense" || prompt.retrieval === "none", {
    path: ["llm", "supervision"],
    error: "dense tells a user's events in turn: prompt.retrieval must be none",
  })
  .refine(
    ({ llm, routing, stages }) =>
      stages.llmAlone.offset === "none" || (llm.loss !== "answer" && routing.mix.startsWith("addLogits")),
    {
      path: ["stages", "llmAlone", "offset"],
      error:
        "the CRM's logit is added to the log odds of the two answers: leave it out, or set llm.loss to twoWay",
    },
  )
  .refine(({ llm }) => llm.supervision !== "dense" || llm.targetsPerHistory === 1, {
    path: ["llm", "supervision"],
    error: "dense asks about every event of a history: targetsPerHistory must be 1",
  })
  .refine(({ llm }) => llm.supervision !== "dense" || llm.base.kind === "scratch" || !llm.base.chat, {
    path: ["llm", "supervision"],
    error: "dense goes on after an answer, which a chat does not: llm.base.chat must be false",
  })
  .refine(
    ({ recipe, features }) => !recipeNeeds[recipe].crm || features === undefined || features.length > 0,
    {
      path: ["features"],
      error: "a CRM needs one feature at least; left out, there are default ones",
    },
  );

/**
 * The settings of a run as changes of single ones see them: each CRM with its own parameters, so that another `crm.model`
 * drops those of the one before.
 */
export const runSettingsSchema: z.ZodType = z.intersection(
  runConfigSchema,
  z.looseObject({
    crm: z
      .union(
        Object.entries(crmModels).map(([model, { schema }]) =>
          z.intersection(z.looseObject({ model: z.literal(model) }), schema),
        ),
      )
      .optional(),
  }),
);

/**
 * Checks a configuration and fills in the defaults. What `models` says of the model that `crm.model` names holds where
 * the configuration itself says nothing. Without `llm` no language model is trained: the recipe is `crm-only`.
 * @param place the file it comes from
 * @throws CorellaError `config/unknown-key` with the nearest valid key, `config/invalid`, `config/no-llm`
 * @example
 * ```ts
 * import { parseRunConfig } from "@corella/alignment";
 *
 * const config = parseRunConfig({ name: "mine", data: { preset: "movietweetings" } }, "my.yaml");
 * console.log(config.recipe, config.crm.model); // crm-only DCNv2
 * ```
 */
export function parseRunConfig(input: unknown, place: string): RunConfig {
  const { models, ...content } = parseStrict(modelsSchema, input, place);
  const { model } = (content["crm"] ?? { model: defaultCrm }) as { model?: unknown };
  const defaults = typeof model === "string" ? models?.[model as CrmModelName] : undefined;
  const merged = mergeUnder(content, defaults, runSettingsSchema) as Record<string, unknown>;
  const data = withDataPreset(merged["data"], place);
  const { recipe = merged["llm"] === undefined ? "crm-only" : "corella" } = merged;
  if (merged["llm"] === undefined && recipeNames.some((name) => name === recipe && recipeNeeds[name].llm))
    throw noLlm(recipe as RecipeName, place);
  const config = parseStrict(runConfigSchema, { ...merged, recipe, data }, place);
  for (const [name, settings] of Object.entries(models ?? {}))
    if (name !== model) checkOtherModel(name, settings!, { ...content, recipe, data }, place);
  return config;
}

/**
 * What `models` says of a model that is not chosen is checked too, as if it were: a mistake would otherwise wait for the day when
 * the model is tried.
 */
function checkOtherModel(
  name: string,
  settings: Record<string, unknown>,
  content: Record<string, unknown>,
  place: string,
): void {
  try {
    const merged = mergeUnder({ ...content, crm: { model: name } }, settings, runSettingsSchema);
    parseCrmConfig(parseStrict(runConfigSchema, merged, place).crm);
  } catch (error) {
    if (!CorellaError.isInstance(error)) throw error;
    const { code, message, remedy } = error;
    throw new CorellaError({ code, message, place: `${place}, models.${name}`, remedy, cause: error });
  }
}

function noLlm(recipe: RecipeName, place: string): CorellaError {
  return new CorellaError({
    code: "config/no-llm",
    message: `The recipe ${recipe} trains a language model, and the configuration has no \`llm\`.`,
    place,
    remedy:
      "Add `llm: {}` for a small one that is trained in the run, or `llm: { base: … }` for one of your own; with the recipe crm-only there is none.",
  });
}

/** Best settings of each model, by its name: any part of a run's configuration. */
const modelsSchema = z.looseObject({
  models: z.partialRecord(z.enum(Object.keys(crmModels)), z.record(z.string(), z.unknown())).optional(),
});
