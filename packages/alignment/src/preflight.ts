import { createLlmPrompt } from "@corella/bundle";
import { requireBothClasses } from "@corella/crm";
import { CorellaError } from "@corella/errors";
import type { ProgressListener } from "@corella/engine";
import { auc } from "@corella/metrics";
import { createPrompt, featuresAlone, featureWarnings, recordsAt } from "@corella/modality";
import type { RunConfig } from "./config/config.ts";
import { recipeNeeds } from "./config/recipe-names.ts";
import type { ResolvedConfig } from "./run.ts";
import { requireDensePrompt } from "./llm/dense-windows.ts";
import { requireItemEmbedding } from "./llm/item-vectors.ts";
import { loraOf } from "./llm/lora-of.ts";
import type { LlmDesign } from "./llm/base-llm.ts";
import { randomSubset, type PreparedData } from "./data.ts";
import { validationRows } from "./scored-rows.ts";

// What would end a later stage is refused before the first, and what would make it worth nothing is warned of.

/**
 * Tells of data that look wrong, of features that may know the answer or are nearly a key of the sample, a note each; training
 * goes on.
 */
export function noteWarnings(
  data: PreparedData,
  { recipe }: Pick<RunConfig, "recipe">,
  listener: ProgressListener,
): void {
  const { log, split, warnings } = data;
  const ofFeatures = recipeNeeds[recipe].crm
    ? featureWarnings(featuresAlone(data.featureMap, log, split, auc))
    : [];
  for (const { message, remedy } of [...warnings, ...ofFeatures])
    listener.note?.(`warning: ${message} ${remedy}`);
}

/**
 * Refuses data on which the models of a run could not be compared.
 * @throws CorellaError `config/no-test`
 */
export function requireTestPart({ split }: PreparedData): void {
  if (split.test.length > 0) return;
  throw new CorellaError({
    code: "config/no-test",
    message: "The test part has no samples, so there is nothing to compare the models on.",
    place: "data.split",
    remedy: "Give the test part a share, for example [0.8, 0.1, 0.1].",
  });
}

/**
 * Refuses a validation part by which no CRM can be chosen, or of which nothing is left to choose by.
 * @throws CorellaError `crm/one-class`, `config/held-out`
 */
export function requireValidation(config: Pick<RunConfig, "routing">, data: PreparedData): void {
  requireBothClasses(data.labels(data.split.validation));
  const { heldOut } = config.routing;
  if (heldOut === 0) return;
  for (const rows of Object.values(validationRows(config, data)))
    if (new Set(data.labels(rows)).size < 2)
      throw new CorellaError({
        code: "config/held-out",
        message: `The validation part has too few users to hold out ${heldOut} of it: on one side there are ${rows.length} rows, not of both classes.`,
        place: "routing.heldOut",
        remedy: "Choose another share, 0 for none, or make the validation part larger (data.split).",
      });
}

/**
 * Refuses a prompt, an adapter and stages that do not fit the language model or the data.
 * @param stages those in which the LLM is tuned
 * @throws CorellaError those of `createPrompt`, `llm/lora-target`, `config/accumulate`, `config/retrieval`, `config/dense-prompt`, `config/max-tokens`, `config/crm-in-prompt`
 */
export function requireTunableLlm(
  config: ResolvedConfig,
  data: PreparedData,
  design: Pick<LlmDesign, "config" | "tokenizer">,
  stages: readonly ("joint" | "llmAlone")[],
): void {
  for (const stage of stages) requireUpdates(config, stage, data.split.train.length);
  const prompt = createPrompt({ ...config.prompt, retrieval: "none" });
  if (prompt.saysCrm) requireCrmAnswer(config);
  if (config.llm.supervision === "dense") requireDensePrompt(data, prompt);
  loraOf(config.llm.lora, design.config);
  requireRoomForSamples(config, data, design);
  if (config.prompt.retrieval === "crm") requireItemEmbedding(data.featureMap);
}

/** Refuses a prompt that says what the CRM says, where there is none, or where events would have to say it too. */
function requireCrmAnswer({ recipe, llm }: RunConfig): void {
  const problem = !recipeNeeds[recipe].crm
    ? `the recipe ${recipe} trains none`
    : llm.supervision === "dense"
      ? "with dense supervision each event of a history is a question, and what the CRM said before the event is not known"
      : undefined;
  if (problem === undefined) return;
  throw new CorellaError({
    code: "config/crm-in-prompt",
    message: `The prompt says what the CRM says of the sample (crm_percent), and ${problem}.`,
    place: "prompt.template",
    remedy: !recipeNeeds[recipe].crm
      ? "Leave crm_percent out."
      : "Leave crm_percent out, or set llm.supervision to single.",
  });
}

/** Prompts that are looked at, and the share of them that must hold the sample itself. */
const [promptsSeen, wholeShare] = [64, 0.5];

/**
 * Refuses a token limit that cuts into the sample itself, of which a model could learn nothing. A limit that costs history alone is
 * warned of elsewhere.
 * @throws CorellaError `config/max-tokens`
 */
export function requireRoomForSamples(
  { prompt, llm: { maxTokens }, seed }: Pick<RunConfig, "llm" | "seed"> & Pick<ResolvedConfig, "prompt">,
  { log, split, catalogue }: PreparedData,
  { tokenizer }: Pick<LlmDesign, "tokenizer">,
): void {
  if (maxTokens === undefined) return;
  const newest = { ...prompt, retrieval: "none" } as const;
  const limited = createLlmPrompt({ tokenizer, maxTokens, prompt: newest, itemVectors: undefined });
  const { statistics } = createPrompt(newest);
  const records = recordsAt(log, randomSubset(split.train, promptsSeen, seed, "prompt-room"), { statistics });
  // What is left when all history is cut
  const lengths = records.map((record) =>
    tokenizer.countTokens(limited.render({ ...record, pCrm: 0.5 }, catalogue)),
  );
  const tooLong = lengths.filter((length) => length > maxTokens).length;
  if (tooLong <= wholeShare * lengths.length) return;
  throw new CorellaError({
    code: "config/max-tokens",
    message: `${tooLong} of ${lengths.length} prompts looked at are longer than ${maxTokens} tokens even without history: the sample itself would be cut.`,
    place: "llm.maxTokens",
    remedy: `Leave it out for the default, or set ${Math.max(...lengths)} at least.`,
  });
}

/**
 * Refuses a prompt that chooses history by a CRM, where none is trained.
 * @throws CorellaError `config/retrieval`
 */
export function refuseCrmRetrieval({ prompt, recipe }: RunConfig): void {
  if (prompt.retrieval !== "crm") return;
  throw new CorellaError({
    code: "config/retrieval",
    message: `The recipe ${recipe} trains no CRM whose item embeddings could choose the history.`,
    place: "prompt.retrieval",
    remedy: "Set retrieval to llm or none.",
  });
}

/**
 * Refuses a prompt that chooses history, where no model is there yet that could, and one that says what a CRM says.
 * @throws CorellaError `config/retrieval`, `config/crm-in-prompt`
 */
export function requirePlainPrompt({ prompt, recipe }: ResolvedConfig): void {
  const problem = `The recipe ${recipe} reads samples before any model is trained.`;
  if (prompt.retrieval !== "none")
    throw new CorellaError({
      code: "config/retrieval",
      message: `${problem} None could choose the history.`,
      place: "prompt.retrieval",
      remedy: "Set retrieval to none.",
    });
  if (createPrompt(prompt).saysCrm)
    throw new CorellaError({
      code: "config/crm-in-prompt",
      message: `${problem} There is no CRM yet whose answer the prompt could say (crm_percent).`,
      place: "prompt.template",
      remedy: "Leave crm_percent out.",
    });
}

/** Refuses an update of more batches than a stage has. @param rows of the training part */
function requireUpdates({ llm, stages }: RunConfig, stage: "joint" | "llmAlone", rows: number): void {
  const { samples, epochs, accumulate } = stages[stage];
  // Targets of one history come in one batch.
  const batchSize = Math.max(stages[stage].batchSize, llm.targetsPerHistory);
  const used = Math.min(samples, rows);
  const batches = Math.ceil(used / batchSize) * epochs;
  if (batches >= accumulate) return;
  throw new CorellaError({
    code: "config/accumulate",
    message: `An update takes ${accumulate} batches, and ${used} samples in batches of ${batchSize} make ${batches}.`,
    place: `stages.${stage}.accumulate`,
    remedy: `Accumulate at most ${batches}, or choose smaller batches or more samples.`,
  });
}
