import type { FeatureAlone, FeaturesAlone } from "./alone.ts";

/** What is suspicious of a feature; nothing that forbids to train with it. */
export interface FeatureWarning {
  readonly feature: string;
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
}

/** A feature that alone ranks better than this may know the answer. */
const leakAuc = 0.95;
/** Validation rows of each class below which such an AUC may be chance. */
const fewestOfClass = 10;
/** Distinct values by training row from which an attribute is nearly a key. */
const keyShare = 0.9;
/** Training rows below which distinct values mean nothing. */
const fewestRows = 50;

/**
 * Features that may know the answer, and those that are nearly a key of the sample; at most one warning a feature.
 *
 * A leak is what alone ranks the validation part with an AUC above .95, whatever the feature. A key is an attribute of
 * user or item with a value of its own in nearly every training row (90 %): what is learned of such a value holds for no
 * other sample. Ids of users and items are none, whatever the log: histories and statistics are looked up by them. Nor are
 * measurements: fractional numbers, running statistics, times and lengths differ nearly everywhere, and near ones are alike.
 */
export function featureWarnings({
  rows,
  positives,
  trainRows,
  features,
}: FeaturesAlone): readonly FeatureWarning[] {
  const isLeak = ({ auc }: FeatureAlone): boolean =>
    auc > leakAuc && Math.min(positives, rows - positives) >= fewestOfClass;
  const isKey = ({ valuesPerRow = 0 }: FeatureAlone): boolean =>
    valuesPerRow >= keyShare && trainRows >= fewestRows;
  return features.flatMap((feature): FeatureWarning[] => {
    const { name, auc, valuesPerRow } = feature;
    if (isLeak(feature)) {
      return [
        {
          feature: name,
          message: `The feature "${name}" alone has an AUC of ${auc.toFixed(4)} on the validation part, as if it knew the answer.`,
          remedy: "Leave it out unless its value is known before the answer.",
        },
      ];
    }
    if (isKey(feature)) {
      return [
        {
          feature: name,
          message: `The feature "${name}" is nearly a key of the sample: ${(100 * valuesPerRow!).toFixed(1)} distinct values in 100 training rows, so what is learned of one holds for no other.`,
          remedy: "Leave it out, or name an attribute that samples share.",
        },
      ];
    }
    return [];
  });
}
