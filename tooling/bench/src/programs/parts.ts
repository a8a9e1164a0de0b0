import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { prepareData, type LoadedConfig, type PreparedData } from "@corella/alignment";
import { writeFileAtomic } from "@corella/files";
import { prepareSamples, type Feature, type FeatureMap } from "@corella/modality";

/**
 * What a column tells: the id of the user or of the item, an attribute of either or of the time, the events before the
 * sample, or a running statistic.
 */
export type Origin = "user" | "item" | "attribute" | "history" | "statistic";

/** A feature as the peers' scripts read it. */
export type PartsFeature = Feature & {
  readonly origin: Origin;
  /** Of a categorical attribute whose values are numbers, such as a year: the number of each id, null where it has none. */
  readonly numbers?: readonly (number | null)[];
};

/**
 * Writes the samples of a configuration for the peers' scripts: shards of the parts train, valid and test in the order of
 * time, and parts.json, which names their folders and describes the features.
 * @param into gets parts.json and the prepared data
 * @throws CorellaError those of `prepareData`
 */
export async function writeParts({ config, baseFolder }: LoadedConfig, into: string): Promise<PreparedData> {
  const cacheFolder = join(into, "cache");
  await mkdir(cacheFolder, { recursive: true });
  const data = await prepareData(config, baseFolder, cacheFolder);
  const { train, validation: valid, test } = data.split;
  const folders: Record<string, string> = {};
  for (const [part, rows] of Object.entries({ train, valid, test }))
    folders[part] = (await prepareSamples(data.featureMap, data.log, rows, { cacheFolder })).folder;
  const parts = { features: partsFeatures(data.featureMap), folders };
  await writeFileAtomic(join(into, "parts.json"), JSON.stringify(parts));
  return data;
}

/** The features of a map, with what a peer that is no embedding model has to know of them. */
export function partsFeatures(featureMap: FeatureMap): PartsFeature[] {
  const { features: configs, vocabularies } = featureMap.toJson();
  return featureMap.features.map((feature) => {
    const config = configs.find(({ name }) => name === feature.name);
    // A second column of a statistic, its bucket, has a name of its own.
    if (config === undefined || config.type === "statistic") return { ...feature, origin: "statistic" };
    if ("vectors" in config)
      return { ...feature, origin: config.type === "affinity" ? "history" : "attribute" };
    if (config.field === "user" || config.field === "item") return { ...feature, origin: config.field };
    if (config.type === "sequence" || config.field.startsWith("history."))
      return { ...feature, origin: "history" };
    if (feature.type !== "categorical") return { ...feature, origin: "attribute" };
    const numbers = vocabularies[feature.table]!.map(Number);
    if (numbers.some(Number.isNaN)) return { ...feature, origin: "attribute" };
    return { ...feature, origin: "attribute", numbers: [null, null, ...numbers] };
  });
}
