import { existsSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { parseSettings, parseStrict, readYaml, withSettings } from "@corella/configuration";
import { CorellaError } from "@corella/errors";
import {
  type DataConfig,
  dataConfigSchema,
  dataPreset,
  dataPresets,
  type FeatureConfig,
  featureConfigSchema,
  type PromptSettings,
  promptSettingsSchema,
  withDataPreset,
} from "@corella/modality";
import { z } from "zod";

/** What is to be summarised, and under which name. */
export interface DataSource {
  readonly name: string;
  readonly config: DataConfig;
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
  /** Those of the configuration, or of the preset's; undefined: the default ones of the log. */
  readonly features: readonly FeatureConfig[] | undefined;
  /** How prompts are written; undefined where the configuration speaks of no language model. */
  readonly prompt: PromptSettings | undefined;
}

/** Names of the data sets that need no configuration. */
export const presetNames: readonly string[] = Object.keys(dataPresets);

/** Configurations of the repository; those of presets have their names. */
const configFolder = join(import.meta.dirname, "../../../configs");

/**
 * A preset with the path of its files, or a YAML file: a run's configuration, whose `data`, `features` and `prompt` count, or
 * its `data` alone.
 * @param settings changes of the form `data.label.threshold=3`; `data.` may be left out
 * @throws CorellaError `data/unknown-preset`, `data/path-twice`, `config/missing`, `config/syntax`, `config/set`, `config/invalid`
 */
export async function openSource(
  name: string,
  path: string | undefined,
  settings: readonly string[],
): Promise<DataSource> {
  const isFile = /\.ya?ml$/.test(name);
  if (isFile && path !== undefined) {
    throw new CorellaError({
      code: "data/path-twice",
      message: `${path} is not read: ${name} says itself where its files lie.`,
      place: "the second argument",
      remedy: "Leave it out, or name a preset in place of the file.",
    });
  }
  const place = isFile ? name : "the first argument";
  if (!isFile) dataPreset(name, path, place); // an unknown name is told as such
  const content = isFile
    ? await readYaml(name)
    : { data: { preset: name, ...(path !== undefined && { path }) } };
  const { data, features, prompt } = withChanges(content, settings);
  const said = parseStrict(partOfConfig, { features, prompt: prompt ?? undefined }, place);
  const preset = (data as { preset?: unknown } | null | undefined)?.preset;
  return {
    name: basename(name, extname(name)),
    config: parseStrict(dataConfigSchema, withDataPreset(data, place), place),
    baseFolder: isFile ? dirname(resolve(name)) : process.cwd(),
    features:
      (said.features ?? []).length > 0
        ? said.features
        : typeof preset === "string"
          ? await presetFeatures(preset)
          : undefined,
    prompt: said.prompt,
  };
}

/** Settings of a run that are looked at here; others are those of its data. */
const settled = /^(?:data|features|prompt|llm)(?:\.|$)/;

/** What a configuration says that is looked at here, with settings changed. */
function withChanges(
  content: unknown,
  settings: readonly string[],
): { data: unknown; features?: unknown; prompt?: unknown } {
  const isWhole = typeof content === "object" && content !== null && "data" in content;
  const whole = isWhole ? content : { data: content };
  const changes = parseSettings(settings).map(([path, value]): [string, unknown] => [
    settled.test(path) ? path : `data.${path}`,
    value,
  ]);
  const changed = withSettings(whole, changes, settingsSchema) as {
    data: unknown;
    features?: unknown;
    prompt?: unknown;
    llm?: unknown;
  };
  return { ...changed, prompt: changed.prompt ?? (changed.llm === undefined ? undefined : {}) };
}

async function presetFeatures(preset: string): Promise<readonly FeatureConfig[] | undefined> {
  const path = join(configFolder, `${preset}.yaml`);
  if (!Object.hasOwn(dataPresets, preset) || !existsSync(path)) return undefined;
  const { features } = (await readYaml(path)) as { features?: unknown };
  return parseStrict(partOfConfig, { features }, path).features?.map((feature) =>
    "vectors" in feature ? { ...feature, vectors: resolve(configFolder, feature.vectors) } : feature,
  );
}

const partOfConfig = z.strictObject({
  features: z.array(featureConfigSchema).optional(),
  prompt: promptSettingsSchema.optional(),
});
/** By it a setting that chooses another kind drops what only the kind before had. */
const settingsSchema = z.looseObject({ data: dataConfigSchema });
