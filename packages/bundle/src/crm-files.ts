import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createCrm, parseCrmConfig, type Crm, type CrmConfig } from "@corella/crm";
import { initialValues, type Values } from "@corella/engine";
import {
  featureMapFromJson,
  readVectors,
  vectorsNamed,
  writeVectors,
  type FeatureMap,
  type FeatureMapJson,
  type ItemVectors,
  type RunningStatistics,
} from "@corella/modality";
import { float32Tensor, parseSafetensors, toFloat32, writeSafetensors } from "@corella/safetensors";
import { damaged, writeJson } from "./folder-files.ts";

/** A trained CRM, and how records become the ids that it was trained on. */
export interface TrainedCrm {
  readonly config: CrmConfig;
  /** Weights by the model's own names. */
  readonly values: Values;
  readonly featureMap: FeatureMap;
  /**
   * What was counted for features that are statistics, for records that bring none of their own. Of a bundle: up to the end
   * of the log that it was saved with.
   */
  readonly statistics?: RunningStatistics | undefined;
}

const files = { featureMap: "feature-map.json", config: "crm.json", weights: "crm.safetensors" } as const;

/** What the folder of a bundle with a CRM holds for it; the first file tells that there is one. */
export const crmFiles: readonly [string, ...string[]] = [files.config, files.weights, files.featureMap];

/** The file that holds the vectors of items which a feature map calls so. */
function vectorsFile(name: string): string {
  return `vectors-${name}.safetensors`;
}

/** What the folder of a bundle holds where its features look up vectors of items. */
export function vectorsFiles({ vectors }: FeatureMap): readonly string[] {
  return [...vectors.keys()].map(vectorsFile);
}

/** The part of a program that a CRM's configuration makes of the features of a map: their ids in, logit [batch] out. */
export function crmOf(config: CrmConfig, featureMap: FeatureMap): Crm {
  return createCrm(config, featureMap.features);
}

/** Writes configuration, weights and feature map of a CRM, and the vectors of the items, into a bundle's folder. */
export async function writeCrm(folder: string, { config, values, featureMap }: TrainedCrm): Promise<void> {
  await writeJson(folder, files.featureMap, featureMap.toJson());
  for (const [name, vectors] of featureMap.vectors)
    await writeVectors(join(folder, vectorsFile(name)), vectors);
  await writeJson(folder, files.config, { model: config.model, ...parseCrmConfig(config).parameters });
  const part = crmOf(config, featureMap);
  const tensors: Record<string, ReturnType<typeof float32Tensor>> = {};
  for (const [name, { shape }] of Object.entries(part.params))
    tensors[name] = float32Tensor(shape, values[name]!);
  for (const [name, { rows, dim }] of Object.entries(part.tables))
    tensors[name] = float32Tensor([rows, dim], values[name]!);
  await writeSafetensors(join(folder, files.weights), tensors);
}

/**
 * Reads the feature map of a bundle's folder with the vectors of items, without the CRM's weights.
 * @throws CorellaError those of `featureMapFromJson` and `readVectors`
 */
export async function readFeatureMap(folder: string): Promise<FeatureMap> {
  const text = await readFile(join(folder, files.featureMap), "utf8");
  const json = JSON.parse(text) as FeatureMapJson;
  const vectors = new Map<string, ItemVectors>();
  for (const name of vectorsNamed(json.features))
    vectors.set(name, await readVectors(join(folder, vectorsFile(name))));
  return featureMapFromJson(json, vectors);
}

/**
 * Reads the CRM of a bundle's folder.
 * @throws CorellaError `bundle/damaged` when weights are missing, `engine/shape` when they do not fit the configuration
 */
export async function readCrm(folder: string, featureMap: FeatureMap): Promise<TrainedCrm> {
  const config = JSON.parse(await readFile(join(folder, files.config), "utf8")) as CrmConfig;
  const path = join(folder, files.weights);
  const { tensors } = parseSafetensors(await readFile(path), path);
  const values: Values = {};
  for (const [name, view] of tensors) values[name] = toFloat32(view);
  const part = crmOf(config, featureMap);
  const missing = [...Object.keys(part.params), ...Object.keys(part.tables)].find(
    (name) => values[name] === undefined,
  );
  if (missing !== undefined) throw damaged(path, `The CRM's weights lack ${missing}.`);
  // Checks the sizes.
  return { config, values: initialValues(part, 0, values), featureMap };
}
