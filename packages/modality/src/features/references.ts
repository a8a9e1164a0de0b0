import { CorellaError, nearestName } from "@corella/errors";
import { isTemplateStatistic } from "../prompt/statistics.ts";
import { statisticColumns } from "../statistics/config.ts";
import { looksUpVectors } from "../vectors/config.ts";
import type { FeatureConfig, SequenceConfig } from "./config.ts";

/** Names are unique, and what a feature says of another one (`shareWith`, `plus`, `target`) fits. */
export function checkReferences(config: readonly FeatureConfig[]): void {
  const byName = new Map<string, FeatureConfig>();
  for (const feature of config) {
    if (byName.has(feature.name)) {
      throw new CorellaError({
        code: "features/duplicate-name",
        message: `Two features are named "${feature.name}".`,
        place: `features.${feature.name}`,
        remedy: "Rename one of them.",
      });
    }
    if (feature.type === "statistic" && isTemplateStatistic(feature.name)) throw ofPrompts(feature.name);
    byName.set(feature.name, feature);
  }
  for (const feature of config) {
    if (feature.type === "statistic") checkColumns(statisticColumns(feature).bucket, feature.name, byName);
    if (feature.type === "numeric" || feature.type === "statistic" || looksUpVectors(feature)) continue;
    if (feature.shareWith !== undefined) checkShare(feature.name, feature.shareWith, byName);
    if (feature.type === "sequence") checkPlus(feature, byName);
    if (feature.type !== "categorical") checkTarget(feature, byName);
  }
}

function ofPrompts(name: string): CorellaError {
  return new CorellaError({
    code: "features/duplicate-name",
    message: `"${name}" is what prompts call a statistic of their own.`,
    place: `features.${name}`,
    remedy: "Rename the feature.",
  });
}

/** A statistic of both encodings has a second column, whose name no other feature may have. */
function checkColumns(
  bucket: string | undefined,
  name: string,
  byName: ReadonlyMap<string, FeatureConfig>,
): void {
  if (bucket === undefined || bucket === name || !byName.has(bucket)) return;
  throw new CorellaError({
    code: "features/duplicate-name",
    message: `The buckets of "${name}" are named like the feature "${bucket}".`,
    place: `features.${bucket}`,
    remedy: "Rename one of them.",
  });
}

function checkShare(name: string, shareWith: string, byName: ReadonlyMap<string, FeatureConfig>): void {
  const owner = byName.get(shareWith);
  const ownsTable =
    owner !== undefined && owner.type !== "numeric" && owner.type !== "statistic" && !looksUpVectors(owner);
  if (ownsTable && owner.shareWith === undefined) return;
  throw new CorellaError({
    code: "features/bad-share",
    message:
      owner === undefined
        ? `There is no feature "${shareWith}" to share a table with.`
        : `The feature "${shareWith}" has no table of its own.`,
    place: `features.${name}.shareWith`,
    remedy:
      nearest(shareWith, byName) ??
      "Name a categorical, sequence or multivalued feature that shares with no other.",
  });
}

/** Position by position the added sequences must tell of the same events. */
function checkPlus(feature: SequenceConfig, byName: ReadonlyMap<string, FeatureConfig>): void {
  for (const name of feature.plus ?? []) {
    const added = byName.get(name);
    const fits =
      added?.type === "sequence" &&
      added !== feature &&
      added.maxLength === feature.maxLength &&
      added.where === feature.where;
    if (fits) continue;
    throw new CorellaError({
      code: "features/bad-plus",
      message:
        added === undefined
          ? `There is no feature "${name}" to add.`
          : `The feature "${name}" is no other sequence of the same events.`,
      place: `features.${feature.name}.plus`,
      remedy: nearest(name, byName) ?? "Name sequences with the same maxLength and where.",
    });
  }
}

function checkTarget(
  feature: Exclude<FeatureConfig, { type: "categorical" | "numeric" | "statistic" | "text" | "affinity" }>,
  byName: ReadonlyMap<string, FeatureConfig>,
): void {
  if (feature.pooling !== "attention" && feature.target === undefined) return;
  const place = `features.${feature.name}.target`;
  if (feature.pooling !== "attention") {
    throw new CorellaError({
      code: "features/bad-target",
      message: `Pooling by ${feature.pooling} looks at no target.`,
      place,
      remedy: "Use pooling attention, or leave target out.",
    });
  }
  const target = feature.target ?? feature.shareWith;
  if (target !== undefined && byName.get(target)?.type === "categorical") return;
  throw new CorellaError({
    code: "features/bad-target",
    message:
      target === undefined
        ? "Pooling by attention needs a target."
        : byName.has(target)
          ? `The feature "${target}" is not categorical.`
          : `There is no feature "${target}".`,
    place,
    remedy:
      (target === undefined ? undefined : nearest(target, byName)) ??
      "Name the categorical feature that events are compared with, for example the item.",
  });
}

function nearest(name: string, byName: ReadonlyMap<string, FeatureConfig>): string | undefined {
  if (byName.has(name)) return undefined;
  const near = nearestName(name, byName.keys());
  return near === undefined ? undefined : `Did you mean "${near}"?`;
}
