import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createCrm, parseCrmConfig, type CrmConfig, type CrmOutput } from "@corella/crm";
import { initialValues, type Part, type Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import {
  catalogueFromJson,
  catalogueJsonSchema,
  featureMapFromJson,
  type Catalogue,
  type FeatureMap,
  type FeatureMapJson,
} from "@corella/modality";
import { writeFileAtomic, writeFolderAtomic } from "@corella/files";
import { float32Tensor, parseSafetensors, toFloat32, writeSafetensors } from "@corella/safetensors";
import { readJson, writeManifest } from "./manifest.ts";

/** A trained CRM: which model, and its values by the model's own names. */
export interface TrainedCrm {
  readonly config: CrmConfig;
  readonly values: Values;
}

/** How records become the ids that a CRM was trained on. */
export interface CrmModality {
  readonly featureMap: FeatureMap;
  readonly catalogue: Catalogue;
}

const files = {
  featureMap: "feature-map.json",
  catalogue: "catalogue.json",
  config: "crm.json",
  weights: "crm.safetensors",
} as const;

/** The CRM that a configuration and a feature map make. */
export function crmOf(config: CrmConfig, featureMap: FeatureMap): Part<CrmOutput> {
  return createCrm(config, featureMap.features);
}

/** Writes the files of a CRM and its modality into a folder, without a manifest. */
export async function writeCrmFiles(
  folder: string,
  { config, values }: TrainedCrm,
  { featureMap, catalogue }: CrmModality,
): Promise<void> {
  const write = (file: string, value: unknown): Promise<void> =>
    writeFileAtomic(join(folder, file), `${JSON.stringify(value, undefined, 2)}\n`);
  await write(files.featureMap, featureMap.toJson());
  await writeFileAtomic(join(folder, files.catalogue), JSON.stringify(catalogue.toJson()));
  await write(files.config, { model: config.model, ...parseCrmConfig(config).parameters });
  const part = crmOf(config, featureMap);
  const tensors: Record<string, ReturnType<typeof float32Tensor>> = {};
  for (const [name, { shape }] of Object.entries(part.params))
    tensors[name] = float32Tensor(shape, values[name]!);
  for (const [name, { rows, dim }] of Object.entries(part.tables))
    tensors[name] = float32Tensor([rows, dim], values[name]!);
  await writeSafetensors(join(folder, files.weights), tensors);
}

export async function readModality(folder: string): Promise<CrmModality> {
  const featureMap = JSON.parse(await readFile(join(folder, files.featureMap), "utf8")) as FeatureMapJson;
  return {
    featureMap: featureMapFromJson(featureMap),
    catalogue: catalogueFromJson(await readJson(folder, files.catalogue, catalogueJsonSchema)),
  };
}

/** @throws CorellaError `bundle/damaged` when weights are missing, `engine/shape` when they do not fit the config */
export async function readTrainedCrm(folder: string, featureMap: FeatureMap): Promise<TrainedCrm> {
  const config = JSON.parse(await readFile(join(folder, files.config), "utf8")) as CrmConfig;
  const path = join(folder, files.weights);
  const { tensors } = parseSafetensors(await readFile(path), path);
  const values: Values = {};
  for (const [name, view] of tensors) values[name] = toFloat32(view);
  const part = crmOf(config, featureMap);
  const missing = [...Object.keys(part.params), ...Object.keys(part.tables)].find(
    (name) => values[name] === undefined,
  );
  if (missing !== undefined) {
    throw new CorellaError({
      code: "bundle/damaged",
      message: `The CRM's weights lack ${missing}.`,
      place: path,
      remedy: "Restore the bundle from a copy, or train it again.",
    });
  }
  // Checks the sizes.
  return { config, values: initialValues(part, 0, values) };
}

/** Writes a folder with a CRM alone: config, weights, feature map, catalogue. It appears whole or not at all. */
export async function saveCrm(folder: string, crm: TrainedCrm, modality: CrmModality): Promise<void> {
  await writeFolderAtomic(folder, async (temporary) => {
    await writeCrmFiles(temporary, crm, modality);
    await writeManifest(temporary);
  });
}
