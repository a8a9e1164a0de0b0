import { existsSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { parseStrict, readYaml } from "@corella/configuration";
import { CorellaError } from "@corella/errors";
import {
  type DataConfig,
  dataPreset,
  dataPresets,
  type FeatureConfig,
  featureConfigSchema,
  loadDataConfig,
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
}

/** Names of the data sets that need no configuration. */
export const presetNames: readonly string[] = Object.keys(dataPresets);

/** Configurations of the repository; those of presets have their names. */
const configFolder = join(import.meta.dirname, "../../../configs");

/**
 * A preset with the path of its files, or a YAML file: a run's configuration, whose `data` and `features` count, or its `data` alone.
 * @throws CorellaError `data/unknown-preset`, `data/path-twice`, `config/missing`, `config/syntax`, `config/invalid`
 */
export async function openSource(name: string, path: string | undefined): Promise<DataSource> {
  if (!/\.ya?ml$/.test(name)) {
    return {
      name,
      config: dataPreset(name, path, "the first argument"),
      baseFolder: process.cwd(),
      features: await presetFeatures(name),
    };
  }
  if (path !== undefined) {
    throw new CorellaError({
      code: "data/path-twice",
      message: `${path} is not read: ${name} says itself where its files lie.`,
      place: "the second argument",
      remedy: "Leave it out, or name a preset in place of the file.",
    });
  }
  return {
    name: basename(name, extname(name)),
    config: await loadDataConfig(name),
    baseFolder: dirname(resolve(name)),
    features: await configuredFeatures(name),
  };
}

/** The features of a configuration or, where it has none, of its preset's. */
async function configuredFeatures(path: string): Promise<readonly FeatureConfig[] | undefined> {
  const content = (await readYaml(path)) as {
    features?: unknown;
    preset?: unknown;
    data?: { preset?: unknown };
  } | null;
  const features = parseStrict(partOfConfig, { features: content?.features }, path).features ?? [];
  if (features.length > 0) return features;
  const preset = content?.data?.preset ?? content?.preset;
  return typeof preset === "string" ? presetFeatures(preset) : undefined;
}

async function presetFeatures(preset: string): Promise<readonly FeatureConfig[] | undefined> {
  const path = join(configFolder, `${preset}.yaml`);
  if (!Object.hasOwn(dataPresets, preset) || !existsSync(path)) return undefined;
  const { features } = (await readYaml(path)) as { features?: unknown };
  return parseStrict(partOfConfig, { features }, path).features?.map((feature) =>
    "vectors" in feature ? { ...feature, vectors: resolve(configFolder, feature.vectors) } : feature,
  );
}

const partOfConfig = z.strictObject({ features: z.array(featureConfigSchema).optional() });
