import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseCrmConfig } from "@corella/crm";
import { vectorsNamed } from "@corella/modality";
import { codeKey } from "../code-key.ts";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import { withRunSettings } from "../config/load-config.ts";
import { recipeNeeds, type RecipeName } from "../config/recipe-names.ts";
import { dataKey, sourcesOf } from "../data-key.ts";
import { resultKey, type KeyedConfig } from "../experiments/keys.ts";
import type { SearchConfig, Settings, TrialKind } from "./search-space.ts";

/** Part of every key: raise it when what a trial's record says changes its meaning. */
const formatVersion = 3;

/** One configuration of a search, checked, and the folder of its trial. */
export interface PlannedTrial {
  readonly settings: Settings;
  readonly config: RunConfig;
  /** The hash of all that the result depends on. */
  readonly key: string;
  readonly folder: string;
}

/** Where the trials of a search read and write. */
export interface PlanOptions {
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
  /** Where prepared data are kept. */
  readonly cacheFolder: string;
  /** Where trials are kept, each in a folder that is named by its key. */
  readonly trialsFolder: string;
  /** The configuration's file, for errors. */
  readonly place: string;
}

/** What the CRM stage reads, by the first parts of the settings' paths. */
const ofCrmStage = /^(data|features|crm|seed|runtime|stages\.warmUp|routing\.heldOut)(\.|$)/;

/** What trials of a search train. @param recipe of the configuration */
export function trialKindOf({ trial, search }: SearchConfig, recipe: RecipeName): TrialKind {
  if (trial !== undefined) return trial;
  return recipeNeeds[recipe].crm && Object.keys(search).every((path) => ofCrmStage.test(path))
    ? "crm"
    : "run";
}

/**
 * The configuration of each trial, checked before anything is trained.
 * @param content of the run's configuration @param kind what a trial trains
 * @throws CorellaError those of `parseRunConfig`, `parseCrmConfig`, `prepareLog` and `readFeatureVectors`
 */
export async function planTrials(
  content: unknown,
  trials: readonly Settings[],
  options: PlanOptions,
  kind: TrialKind = "crm",
): Promise<PlannedTrial[]> {
  const configs = trials.map((settings) => {
    const changed = withRunSettings(content, settings);
    const config = parseRunConfig(changed, options.place);
    if (recipeNeeds[config.recipe].crm || kind === "crm") parseCrmConfig(config.crm);
    return { settings, config };
  });
  const code = await codeKey(kind);
  const dataKeys = new Map<string, Promise<string>>();
  const planned: PlannedTrial[] = [];
  for (const { settings, config } of configs) {
    const sources = sourcesOf(config);
    if (!dataKeys.has(sources)) dataKeys.set(sources, dataKey(config, options));
    const ofData = await dataKeys.get(sources)!;
    const key =
      kind === "crm"
        ? trialKey(config, ofData, code)
        : await runKey({ config, dataKey: ofData, baseFolder: options.baseFolder }, code);
    planned.push({ settings, config, key, folder: join(options.trialsFolder, key) });
  }
  // Settings that are spelt in two ways are one trial.
  return planned.filter(({ key }, index) => planned.findIndex((other) => other.key === key) === index);
}

/** The key of a whole run as a trial: what it predicts and the code that trains it. */
async function runKey(keyed: KeyedConfig, code: string): Promise<string> {
  return createHash("sha256")
    .update(JSON.stringify([formatVersion, "run", code, await resultKey(keyed)]))
    .digest("hex")
    .slice(0, 24);
}

/**
 * The key of a training of the CRM stage. Threads, names and paths do not count: they do not change what is learned, or only by rounding.
 * Other code does.
 * @param keyOfData of what was read, which of remote sources does not tell how far histories go
 */
export function trialKey(
  { data, features, crm, stages, routing, seed, runtime }: RunConfig,
  keyOfData: string,
  code: string,
): string {
  // Vectors are known by their contents: of their paths only which are the same counts.
  const vectors = vectorsNamed(features ?? []);
  const parts = [
    formatVersion,
    code,
    keyOfData,
    data.filter.minHistory,
    data.split,
    data.history,
    features?.map((feature) =>
      "vectors" in feature ? { ...feature, vectors: String(vectors.indexOf(feature.vectors)) } : feature,
    ),
    parseCrmConfig(crm),
    stages.warmUp,
    routing.heldOut,
    seed,
    runtime.kind,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
}
