import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { saveBundle, scoreDistributionOf, type RemoteLlm, type ScoreDistribution } from "@corella/bundle";
import { createRuntime, type ProgressListener, type Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { writeFileAtomic } from "@corella/files";
import type { RunConfig } from "./config/config.ts";
import { resolveConfig } from "./config/resolve-config.ts";
import { crmImportance, type CrmImportance } from "./crm/importance.ts";
import { dataKeyFile } from "./data-key.ts";
import { prepareData, type PreparedData } from "./data.ts";
import { noteWarnings } from "./preflight.ts";
import type { RecipeResult } from "./recipes/recipe.ts";
import { recipes } from "./recipes/recipes.ts";
import { createRun, type RunInputs, type TrainedPhase } from "./run.ts";

/** What a training reads, where it prepares its data, and who watches it. */
export interface PreparingOptions {
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
  /** Prepared data are kept here and used again. */
  readonly cacheFolder: string;
  readonly listener?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** Where a training reads and writes, and who watches it. */
export interface TrainingOptions extends Omit<PreparingOptions, "cacheFolder"> {
  /** Gets `checkpoints/`, `bundle/` and `data.key`. */
  readonly runFolder: string;
  /** Prepared data are kept here and used again; default: a folder of the run's own. */
  readonly cacheFolder?: string | undefined;
  /** Of an adapter that was tuned elsewhere, by the decoder's names: the stages that tune the LLM are left out. */
  readonly adapter?: Values | undefined;
  /** A server that has the tuned LLM and scores for it; only with an adapter that was tuned elsewhere. */
  readonly remoteLlm?: RemoteLlm | undefined;
  /** The resolved configuration as text, for the bundle. */
  readonly configText: string;
}

/** What a training leaves, besides its checkpoints. */
export interface TrainingResult extends Omit<RecipeResult, "models"> {
  readonly bundleFolder: string;
  readonly data: PreparedData;
  readonly phases: readonly TrainedPhase[];
  readonly router: RecipeResult["models"]["router"];
  /** Milliseconds that each model took for a sample, in batches of the scoring at the end, by the models' names. */
  readonly msPerSample: Readonly<Record<string, number>>;
  /** What the features are worth to the CRM of the bundle; undefined where it has none. */
  readonly importance: CrmImportance | undefined;
}

/**
 * The whole of training, by the recipe that the configuration names, from data to a bundle. Calling it again with the
 * folder of a training that was interrupted goes on from there and ends with the same bits.
 * @throws CorellaError before the first phase what data and configuration do not allow: those of `prepareLog`, `splitLog`,
 * `fitFeatureMap`, `createCrm`, `loadPretrained` and `createPrompt`, `crm/one-class`, `config/accumulate`, `config/projection`,
 * `config/no-test`, `config/no-tokenizer`, `config/retrieval`, `llm/lora-target`, `train/data-changed`; later `train/interrupted`, `train/diverged`, `file/write-failed`
 */
export async function train(given: RunConfig, options: TrainingOptions): Promise<TrainingResult> {
  const { runFolder } = options;
  const cacheFolder = options.cacheFolder ?? join(runFolder, "prepared");
  const prepared = await prepareRun(given, { ...options, cacheFolder });
  const { config, data } = prepared;
  await requireSameData(data, runFolder);
  const run = createRun({
    ...prepared,
    adapter: options.adapter,
    remoteLlm: options.remoteLlm,
    checkpointFolder: (phase) => join(runFolder, "checkpoints", phase),
    scoresFolder: join(runFolder, "checkpoints", scoresName(options)),
  });
  const { phases } = run;
  const { models, ...result } = await recipes[config.recipe](run);
  const bundleFolder = join(runFolder, "bundle");
  await saveBundle(bundleFolder, {
    name: config.name,
    recipe: config.recipe,
    runConfig: options.configText,
    catalogue: data.catalogue,
    log: data.log,
    scoreDistribution: servedDistribution(result),
    ...models,
  });
  const importance = models.crm === undefined ? undefined : await crmImportance(run, models.crm);
  const msPerSample = Object.fromEntries(
    Object.entries(run.scored).map(([lane, { samples, ms }]) => [lane, ms / samples]),
  );
  return { ...result, router: models.router, msPerSample, importance, bundleFolder, data, phases };
}

/** What an adapter that was tuned elsewhere has scored, or a server with it, is not taken for what another one says. */
function scoresName({ adapter, remoteLlm }: Pick<TrainingOptions, "adapter" | "remoteLlm">): string {
  if (adapter === undefined) return "scores";
  const hash = createHash("sha256").update(JSON.stringify(remoteLlm ?? null));
  for (const [name, { buffer, byteOffset, byteLength }] of Object.entries(adapter))
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  return `scores-${hash.digest("hex").slice(0, 16)}`;
}

/** Refuses to go on with a run whose files held something else when it was begun: its stages would be of two data sets. */
async function requireSameData({ key }: PreparedData, runFolder: string): Promise<void> {
  await mkdir(runFolder, { recursive: true });
  const path = join(runFolder, dataKeyFile);
  const before = await readFile(path, "utf8").catch(() => key);
  if (before !== key && existsSync(join(runFolder, "checkpoints")))
    throw new CorellaError({
      code: "train/data-changed",
      message: "The files of the data hold something else than when the run was begun.",
      place: runFolder,
      remedy: "Put the old files back, or start another run.",
    });
  await writeFileAtomic(path, key);
}

/** How what the bundle says of the validation part is spread; undefined where nothing was scored. */
function servedDistribution({
  validation,
  served,
}: Pick<RecipeResult, "validation" | "served">): ScoreDistribution | undefined {
  const said = validation?.predictions.find(({ name }) => name === served);
  if (said === undefined || said.probabilities.length === 0) return undefined;
  return scoreDistributionOf(said.probabilities, said.shareToLlm);
}

/** All that a run has before its recipe begins: every default, data and runtime. What is wrong with the data is warned of. */
export async function prepareRun(
  given: RunConfig,
  { baseFolder, cacheFolder, listener = {}, signal }: PreparingOptions,
): Promise<RunInputs> {
  const runtime = await createRuntime(given.runtime);
  listener.note?.("Reading the data");
  const { config } = await resolveConfig({ config: given, baseFolder }, cacheFolder, listener.note);
  const data = await prepareData(config, baseFolder, cacheFolder);
  noteWarnings(data, config, listener);
  return { config, data, runtime, baseFolder, listener, signal };
}
