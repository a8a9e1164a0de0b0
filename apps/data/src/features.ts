import type { RankedBars, RankedSection, ReportTable } from "@corella/evaluation";
import { auc } from "@corella/metrics";
import {
  type FeatureAlone,
  type FeatureConfig,
  type FeatureMap,
  featuresAlone,
  type FeaturesAlone,
  type FeatureWarning,
  featureWarnings,
  fitFeatureMap,
  type InteractionLog,
  type ItemVectors,
  type LogSplit,
  type Warning,
} from "@corella/modality";

/** What the features of a data set say alone, and what is suspicious of them. */
export interface FeatureLook {
  readonly alone: FeaturesAlone;
  readonly featureMap: FeatureMap;
  readonly warnings: readonly FeatureWarning[];
}

/**
 * Fits features on the training part and looks at each alone on the validation part.
 * @param vectors of items, by the path as features name it
 * @throws CorellaError those of `fitFeatureMap`
 */
export function lookAtFeatures(
  features: readonly FeatureConfig[],
  log: InteractionLog,
  split: LogSplit,
  vectors: ReadonlyMap<string, ItemVectors>,
): FeatureLook {
  const featureMap = fitFeatureMap(features, log, split.train, { vectors });
  const alone = featuresAlone(featureMap, log, split, auc);
  return { alone, featureMap, warnings: featureWarnings(alone) };
}

/** The features by their AUC as a table, the best first. */
export function aloneTable({ alone }: FeatureLook): ReportTable {
  return {
    columns: ["alone on validation", "type", "AUC", ""],
    rows: byAuc(alone.features).map((feature) => [
      feature.name,
      feature.type,
      Number.isNaN(feature.auc) ? "–" : feature.auc.toFixed(4),
      direction(feature),
    ]),
  };
}

/** The pictures of what each feature says alone: running statistics, and all others beside them. */
export function aloneSection({ alone: { rows, features } }: FeatureLook): RankedSection {
  const bars = (title: string, ofFeatures: readonly FeatureAlone[]): RankedBars => ({
    title,
    xLabel: "AUC",
    base: 0.5,
    digits: 4,
    bars: byAuc(ofFeatures).map((feature) => ({
      label: feature.name,
      value: feature.auc,
      remark: direction(feature),
    })),
  });
  return {
    heading: "What each feature says alone",
    note: `AUC on ${rows.toLocaleString("en")} samples of the validation part, without any model: a number ranks them itself, an id by the share of positives that the training part has with it, several ids by their mean, a vector by a linear discriminant of the training part. 0.5 says nothing alone; it may still matter together with others.`,
    charts: [
      bars(
        "Running statistics",
        features.filter(({ type }) => type === "statistic"),
      ),
      bars(
        "Other features",
        features.filter(({ type }) => type !== "statistic"),
      ),
    ],
  };
}

/** What is suspicious as a table; undefined where nothing is. */
export function warningsTable(warnings: readonly Warning[]): ReportTable | undefined {
  if (warnings.length === 0) return undefined;
  return { columns: ["", "what to do"], rows: warnings.map(({ message, remedy }) => [message, remedy]) };
}

function byAuc(features: readonly FeatureAlone[]): readonly FeatureAlone[] {
  // What has no AUC keeps its place at the end.
  const rank = ({ auc: value }: FeatureAlone): number => (Number.isNaN(value) ? -1 : value);
  return features.toSorted((a, b) => rank(b) - rank(a));
}

function direction({ falls }: FeatureAlone): string {
  return falls ? "lower where positive" : "";
}
