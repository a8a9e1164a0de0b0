import type { Batch, Feed } from "@corella/engine";
import type { Feature, IdBatch } from "@corella/modality";

/** An encoded batch as inputs of the CRM's program: one per feature, [size], [size, maxLength] or [size, width]. */
export function idFeeds(features: readonly Feature[], batch: IdBatch, prefix = ""): Batch {
  const feeds: Record<string, Feed> = {};
  for (const feature of features) {
    feeds[`${prefix}${feature.name}`] = {
      shape: [batch.size, ...widthOf(feature)],
      data: batch.features[feature.name]!,
    };
  }
  return feeds;
}

function widthOf(feature: Feature): number[] {
  if (feature.type === "sequence") return [feature.maxLength];
  return feature.type === "vector" ? [feature.width] : [];
}
