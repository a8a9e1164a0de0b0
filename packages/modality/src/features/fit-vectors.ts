import { CorellaError } from "@corella/errors";
import type { InteractionLog } from "../log.ts";
import type { ItemVectors } from "../prompt/similar.ts";
import { looksUpVectors } from "../vectors/config.ts";
import { vectorTable } from "../vectors/look-up.ts";
import { nameOfVectors, standardVectors } from "../vectors/standard-vectors.ts";
import { affinityByRow } from "./affinity.ts";
import type { FeatureConfig } from "./config.ts";
import { type FittedTransform, fitTransform } from "./numeric.ts";

/** What is fitted for text features and affinities. */
export interface FittedVectors {
  /** All features; those that look up vectors call these by a name that follows from their contents. */
  readonly features: FeatureConfig[];
  readonly vectors: ReadonlyMap<string, ItemVectors>;
  /** Of affinities, by feature. */
  readonly transforms: Readonly<Record<string, FittedTransform>>;
}

/**
 * Standardises the vectors that features name on the training rows, and the affinities.
 * @param given by the path as features name it
 * @throws CorellaError `features/no-vectors`
 */
export function fitVectors(
  features: readonly FeatureConfig[],
  log: InteractionLog,
  trainRows: ArrayLike<number>,
  given: ReadonlyMap<string, ItemVectors>,
): FittedVectors {
  const vectors = new Map<string, ItemVectors>();
  const transforms: Record<string, FittedTransform> = {};
  const names = new Map<string, string>();
  const renamed = features.map((feature): FeatureConfig => {
    if (!looksUpVectors(feature)) return feature;
    let name = names.get(feature.vectors);
    if (name === undefined) {
      const found = given.get(feature.vectors);
      if (found === undefined) throw notGiven(feature.name);
      const standard = standardVectors(found, log, trainRows, feature.name);
      names.set(feature.vectors, (name = nameOfVectors(standard)));
      vectors.set(name, standard);
    }
    if (feature.type === "affinity") {
      const { likedThreshold, history } = log;
      const map = { historyLength: history.maxLength, likedThreshold };
      const numberOf = affinityByRow(vectorTable(vectors.get(name)!), log, map, feature);
      const present = Array.from(trainRows, numberOf).filter((number) => number !== undefined);
      transforms[feature.name] = fitTransform("standard", Float64Array.from(present));
    }
    return { ...feature, vectors: name };
  });
  return { features: renamed, vectors, transforms };
}

function notGiven(feature: string): CorellaError {
  return new CorellaError({
    code: "features/no-vectors",
    message: `The vectors of the feature "${feature}" were not given.`,
    place: `features.${feature}.vectors`,
    remedy: "Give what `readFeatureVectors` reads for the features.",
  });
}
