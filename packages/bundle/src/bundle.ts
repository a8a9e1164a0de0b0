import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  catalogueFromJson,
  planOfBoth,
  promptStatistics,
  ratingScaleOf,
  usualContext,
  type Attributes,
  type Catalogue,
  type FeatureMap,
  type InteractionLog,
  type PromptConfig,
  type RunningStatistics,
  type StatisticsPlan,
} from "@corella/modality";
import { recoverFolder, writeFileAtomic, writeFolderAtomic } from "@corella/files";
import { answerScorings } from "@corella/llm";
import { z } from "zod";
import { readCrm, readFeatureMap, vectorsFiles, writeCrm, type TrainedCrm } from "./crm-files.ts";
import { damaged, parseJson, readJson, writeJson } from "./folder-files.ts";
import { readHistories, writeHistories, type Histories } from "./histories.ts";
import {
  llmFactsOf,
  openLlm,
  readLlmAsking,
  readPrompt,
  writeLlm,
  type LlmAsking,
  type LlmFacts,
  type LlmKind,
  type OpenLlm,
  type OpenT5,
  type TrainedT5,
  type TunedLlm,
} from "./llm-files.ts";
import { readManifest, verifyFiles, writeManifest } from "./manifest.ts";
import {
  checkModels,
  llmKindOf,
  modelNames,
  modelsListed,
  noModel,
  requireListed,
  type ModelName,
} from "./models.ts";
import { readRouter, routerFile, type Router } from "./router.ts";
import { readRoutingCurve, routingCurveFile, type RoutingCurve } from "./routing-curve.ts";
import {
  readScoreDistribution,
  scoreDistributionFile,
  type ScoreDistribution,
} from "./score-distribution.ts";
import { readStatistics, statisticsFiles, writeStatistics } from "./statistics-files.ts";

/** What `saveBundle` writes: a CRM, an LLM, or both with a router. */
export interface BundleContents {
  readonly name: string;
  /** Name of the recipe that made the models, for information. */
  readonly recipe?: string | undefined;
  /** The run's configuration as YAML, for the record. */
  readonly runConfig?: string | undefined;
  readonly catalogue: Catalogue;
  /** The users' latest events come from here, and what running statistics have counted. */
  readonly log: InteractionLog;
  readonly crm?: TrainedCrm | undefined;
  readonly llm?: TunedLlm | TrainedT5 | undefined;
  /** There exactly when both models are. */
  readonly router?: Router | undefined;
  /** What each share to the LLM would bring, for information. */
  readonly routingCurve?: RoutingCurve | undefined;
  /** How its answers to the validation part are spread, for information. */
  readonly scoreDistribution?: ScoreDistribution | undefined;
}

/** An opened bundle. The models are read when they are asked for. */
export interface Bundle {
  readonly folder: string;
  readonly name: string;
  /** Name of the recipe that made it; undefined where that was not told. */
  readonly recipe: string | undefined;
  /** The run's configuration as YAML; undefined where there was none. */
  readonly runConfig: string | undefined;
  /** One model or both. */
  readonly models: readonly ModelName[];
  readonly catalogue: Catalogue;
  /** How records become the CRM's ids; undefined without a CRM. */
  readonly featureMap: FeatureMap | undefined;
  /** The architecture of the LLM; undefined without one. */
  readonly llmKind: LlmKind | undefined;
  /** How records become the LLM's text; undefined without an LLM. */
  readonly prompt: PromptConfig | undefined;
  /** All running statistics that its models read; undefined where they read none. */
  readonly statistics: StatisticsPlan | undefined;
  /** The window of events before a sample that its models look at; undefined of an LLM alone in bundles of before. */
  readonly historyLength: number | undefined;
  /** Which events of a sample's own time are before it; undefined in bundles of before. */
  readonly historyTies: InteractionLog["history"]["ties"] | undefined;
  /** The columns of context that a record may bring, each with its most frequent value; undefined where its data have none. */
  readonly context: Attributes | undefined;
  /** The lowest and highest rating of its data; undefined where these have no scale, and in bundles of before. */
  readonly ratings: readonly [lowest: number, highest: number] | undefined;
  /** undefined where there is one model only. */
  readonly router: Router | undefined;
  /** What each share to the LLM would bring; undefined where that was not told, and in bundles of before. */
  readonly routingCurve: RoutingCurve | undefined;
  /** How its answers to the validation part are spread; undefined where none were, and in bundles of before. */
  readonly scoreDistribution: ScoreDistribution | undefined;
  /** @throws CorellaError `bundle/no-model`, `bundle/damaged`, `features/bad-statistics` */
  crm(): Promise<TrainedCrm>;
  /** @throws CorellaError `bundle/no-model`, `bundle/damaged`, `features/bad-statistics` */
  llm(): Promise<OpenLlm | OpenT5>;
  /**
   * How the LLM is asked, without its weights.
   * @throws CorellaError `bundle/no-model`
   */
  llmAsking(): Promise<LlmAsking>;
  histories(): Promise<Histories>;
  /**
   * What all running statistics had counted at the end of the log, in a state of its own that goes on with events; undefined where
   * its models read none.
   * @throws CorellaError `features/bad-statistics`
   */
  runningStatistics(): Promise<RunningStatistics | undefined>;
}

const files = { bundle: "bundle.json", runConfig: "config.yaml", catalogue: "catalogue.json" } as const;

/** What bundle.json says of every bundle. `history`, of the log it was made of, is not in those of before. */
const anyFacts = {
  name: z.string(),
  history: z.strictObject({ maxLength: z.int().positive(), ties: z.enum(["exclude", "order"]) }).optional(),
  context: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])).optional(),
  ratings: z.tuple([z.number(), z.number()]).optional(),
};
const crmFactsSchema = z.strictObject(anyFacts);
const llmFactsSchema = z.strictObject({
  ...anyFacts,
  answers: z.strictObject({
    yes: z.int().nonnegative(),
    no: z.int().nonnegative(),
    variants: z
      .strictObject({ yes: z.array(z.int().nonnegative()), no: z.array(z.int().nonnegative()) })
      .optional(),
    dangling: z.string(),
    appended: z.string(),
  }),
  scoring: z.enum(answerScorings).optional(),
  maxTokens: z.int().positive(),
  tokenBudget: z.int().positive(),
  chat: z.boolean().default(false),
  system: z.string().optional(),
});

/**
 * Writes a bundle: one folder with everything that a prediction needs. It appears whole or not at all.
 * @throws CorellaError `bundle/empty` without a model, `bundle/router` when the router does not fit the models, `file/write-failed`
 */
export async function saveBundle(folder: string, contents: BundleContents): Promise<void> {
  const { name, recipe, runConfig, catalogue, log, crm, llm, router, routingCurve, scoreDistribution } =
    contents;
  const models = modelNames.filter((model) => contents[model] !== undefined);
  checkModels(models, router !== undefined, folder);
  const scale = ratingScaleOf(log);
  await writeFolderAtomic(folder, async (temporary) => {
    await writeJson(temporary, files.bundle, {
      name,
      history: log.history,
      context: usualContext(log),
      ratings: scale && [scale[0], Math.max(scale[1], llm?.prompt.ratingScale ?? scale[1])],
      ...(llm === undefined ? {} : llmFactsOf(llm)),
    });
    if (runConfig !== undefined) await writeFileAtomic(join(temporary, files.runConfig), runConfig);
    await writeFileAtomic(join(temporary, files.catalogue), JSON.stringify(catalogue.toJson()));
    if (crm !== undefined) await writeCrm(temporary, crm);
    if (llm !== undefined) {
      // Events that come later are positive from the log's threshold on, whatever the prompt calls liked.
      const prompt = { ...llm.prompt, labelThreshold: log.likedThreshold };
      await writeLlm(temporary, { ...llm, prompt });
    }
    const plan = planOfBoth(crm?.featureMap, llm?.prompt);
    if (plan !== undefined) await writeStatistics(temporary, plan, log);
    if (router !== undefined) await writeJson(temporary, routerFile, router);
    if (routingCurve !== undefined) await writeJson(temporary, routingCurveFile, routingCurve);
    if (scoreDistribution !== undefined) await writeJson(temporary, scoreDistributionFile, scoreDistribution);
    await writeHistories(temporary, log, log.history.maxLength, plan);
    await writeManifest(temporary, recipe);
  });
}

/**
 * Opens a bundle.
 * @param options.verify check every file against the manifest's SHA-256; default true
 * @throws CorellaError `bundle/missing`, `bundle/format`, `bundle/damaged`, `bundle/empty`, `bundle/router`
 */
export async function openBundle(
  folder: string,
  options: { readonly verify?: boolean } = {},
): Promise<Bundle> {
  await recoverFolder(folder);
  const manifest = await readManifest(folder);
  const models = modelsListed(folder, manifest);
  if (options.verify !== false) await verifyFiles(folder, manifest);
  const catalogue = await readCatalogue(folder);
  const featureMap = models.includes("crm") ? await readFeatureMap(folder) : undefined;
  if (featureMap !== undefined) requireListed(folder, manifest, vectorsFiles(featureMap));
  const prompt = models.includes("llm") ? await readPrompt(folder) : undefined;
  const kind = llmKindOf(manifest);
  const statistics = planOfBoth(featureMap, prompt);
  if (statistics !== undefined) requireListed(folder, manifest, statisticsFiles);
  const facts: z.infer<typeof crmFactsSchema> & Partial<LlmFacts> = await readJson(
    folder,
    files.bundle,
    prompt === undefined ? crmFactsSchema : llmFactsSchema,
  );
  const knownOfLlm = async (): Promise<Parameters<typeof openLlm>[1]> => {
    if (prompt === undefined) throw noModel("llm", folder);
    const needed = promptStatistics(prompt) !== undefined;
    const counted = needed ? await readStatistics(folder, statistics!) : undefined;
    return { kind, facts: facts as LlmFacts, prompt, catalogue, statistics: counted };
  };
  return {
    folder,
    name: facts.name,
    recipe: manifest.recipe,
    runConfig:
      files.runConfig in manifest.files ? await readFile(join(folder, files.runConfig), "utf8") : undefined,
    models,
    catalogue,
    featureMap,
    llmKind: prompt && kind,
    prompt,
    statistics,
    historyLength: featureMap?.historyLength ?? facts.history?.maxLength,
    historyTies: facts.history?.ties,
    context: facts.context,
    ratings: facts.ratings,
    router: routerFile in manifest.files ? await readRouter(folder) : undefined,
    routingCurve: routingCurveFile in manifest.files ? await readRoutingCurve(folder) : undefined,
    scoreDistribution:
      scoreDistributionFile in manifest.files ? await readScoreDistribution(folder) : undefined,
    async crm() {
      if (featureMap === undefined) throw noModel("crm", folder);
      const trained = await readCrm(folder, featureMap);
      if (featureMap.statistics === undefined) return trained;
      return { ...trained, statistics: await readStatistics(folder, statistics!) };
    },
    llm: async () => openLlm(folder, await knownOfLlm()),
    llmAsking: async () => readLlmAsking(folder, await knownOfLlm()),
    histories: () => readHistories(folder),
    runningStatistics: async () =>
      statistics === undefined ? undefined : readStatistics(folder, statistics),
  };
}

async function readCatalogue(folder: string): Promise<Catalogue> {
  const path = join(folder, files.catalogue);
  const json = parseJson(await readFile(path, "utf8"), path);
  try {
    return catalogueFromJson(json);
  } catch (error) {
    throw damaged(path, `A file of the bundle is not as it should be: ${(error as Error).message}`);
  }
}
