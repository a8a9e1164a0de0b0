import { existsSync } from "node:fs";
import { CorellaError } from "@corella/errors";
import {
  fitFeatureMap,
  movieLens1M,
  prepareLog,
  prepareSamples,
  splitLog,
  type FeatureConfig,
  type FeatureMap,
  type SampleFolder,
} from "@corella/modality";

const categorical = (name: string, field: string): FeatureConfig => ({ name, type: "categorical", field });

/** Seven fields, no history. */
const features: readonly FeatureConfig[] = [
  categorical("user", "user"),
  categorical("gender", "user.gender"),
  categorical("age", "user.age"),
  categorical("occupation", "user.occupation"),
  categorical("zip", "user.zip"),
  categorical("movie", "item"),
  categorical("genre", "item.genres[0]"),
];

/** The training part of ML-1M (the first 80 % in time) as shards, which both sides read. Kept in the cache folder. */
export async function ml1mSamples(
  path: string,
  cacheFolder: string,
): Promise<{ readonly featureMap: FeatureMap; readonly samples: SampleFolder }> {
  if (!existsSync(path)) {
    throw new CorellaError({
      code: "bench/no-data",
      message: "ML-1M is not there.",
      place: path,
      remedy: "Download ml-1m.zip from grouplens.org, and name it with --ml-1m.",
    });
  }
  const config = movieLens1M(path);
  const { log } = await prepareLog(config, { cacheFolder });
  const { train } = splitLog(log, config);
  const featureMap = fitFeatureMap(features, log, train);
  return {
    featureMap,
    samples: await prepareSamples(featureMap, log, train, { cacheFolder, scatterSeed: 1 }),
  };
}
