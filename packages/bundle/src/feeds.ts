import type { Batch, Feed } from "@corella/engine";
import type { Feature, IdBatch } from "@corella/modality";

/** An encoded batch as inputs of the CRM's program: one per feature, [size] or [size, maxLength]. */
export function idFeeds(features: readonly Feature[], batch: IdBatch, prefix = ""): Batch {
  const feeds: Record<string, Feed> = {};
  for (const feature of features) {
    const shape = feature.type === "sequence" ? [batch.size, feature.maxLength] : [batch.size];
    feeds[`${prefix}${feature.name}`] = { shape, data: batch.features[feature.name]! };
  }
  return feeds;
}
