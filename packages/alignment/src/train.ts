import { join } from "node:path";
import { saveBundle } from "@corella/bundle";
import { createRuntime, runPhase, type ProgressListener } from "@corella/engine";
import type { RunConfig } from "./config/config.ts";
import { crmImportance, type CrmImportance } from "./crm/importance.ts";
import { prepareData, type PreparedData } from "./data.ts";
import { noteWarnings } from "./preflight.ts";
import type { RecipeResult } from "./recipes/recipe.ts";
import { recipes } from "./recipes/recipes.ts";
import type { Run, TrainedPhase } from "./run.ts";

/** Where a training reads and writes, and who watches it. */
export interface TrainingOptions {
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
  /** Gets `checkpoints/` and `bundle/`. */
  readonly runFolder: string;
  /** Prepared data are kept here and used again; default: a folder of the run's own. */
  readonly cacheFolder?: string | undefined;
  /** The resolved configuration as text, for the bundle. */
  readonly configText: string;
  readonly listener?: ProgressListener;
  readonly signal?: AbortSignal;
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
 * `config/no-test`, `config/no-tokenizer`, `config/retrieval`, `llm/lora-target`; later `train/interrupted`, `train/diverged`, `file/write-failed`
 */
export async function train(config: RunConfig, options: TrainingOptions): Promise<TrainingResult> {
  const { listener = {}, signal, baseFolder, runFolder } = options;
  const runtime = await createRuntime(config.runtime);
  listener.note?.("Reading the data");
  const data = await prepareData(config, baseFolder, options.cacheFolder ?? join(runFolder, "prepared"));
  if (config.recipe !== "llm-only") noteWarnings(data, listener);
  const phases: TrainedPhase[] = [];
  const scored: Record<string, { samples: number; ms: number }> = {};
  const run: Run = {
    config,
    data,
    runtime,
    baseFolder,
    listener,
    signal,
    phases,
    async phase(name, title, create) {
      const folder = join(runFolder, "checkpoints", name);
      const checkpointEveryMs = config.checkpointEverySeconds * 1000;
      let isWhole = false;
      const started: ProgressListener = {
        ...listener,
        phaseStarted(phase) {
          isWhole = phase.step === 0;
          listener.phaseStarted?.(phase);
        },
      };
      const startedMs = performance.now();
      const phase = { name, title, folder, listener: started, signal, checkpointEveryMs };
      const result = await runPhase(phase, create);
      phases.push({ ...result, title, ms: isWhole ? performance.now() - startedMs : undefined });
      return result.values;
    },
    scored(lane, samples, ms) {
      const before = scored[lane] ?? { samples: 0, ms: 0 };
      scored[lane] = { samples: before.samples + samples, ms: before.ms + ms };
    },
  };
  const { models, ...result } = await recipes[config.recipe](run);
  const bundleFolder = join(runFolder, "bundle");
  await saveBundle(bundleFolder, {
    name: config.name,
    recipe: config.recipe,
    runConfig: options.configText,
    catalogue: data.catalogue,
    log: data.log,
    ...models,
  });
  const importance = models.crm === undefined ? undefined : await crmImportance(run, models.crm);
  const msPerSample = Object.fromEntries(
    Object.entries(scored).map(([lane, { samples, ms }]) => [lane, ms / samples]),
  );
  return { ...result, router: models.router, msPerSample, importance, bundleFolder, data, phases };
}
