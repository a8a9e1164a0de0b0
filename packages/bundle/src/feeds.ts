import type { CrmFeature } from "@corella/crm";
import type { Batch, Feed } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { Feature, FeatureMap, IdBatch } from "@corella/modality";

/** The features as the CRMs want them. @throws CorellaError `bundle/pooling` for a pooling that they lack */
export function crmFeatures(featureMap: FeatureMap): CrmFeature[] {
  return featureMap.features.map((feature): CrmFeature => {
    if (feature.type === "numeric") return { name: feature.name, type: "numeric" };
    if (feature.type === "categorical") return feature;
    const { pooling } = feature;
    if (pooling === "attention") {
      throw new CorellaError({
        code: "bundle/pooling",
        message: `The CRMs pool sequences by mean or sum, not by attention.`,
        place: `features.${feature.name}.pooling`,
        remedy: "Use mean or sum.",
      });
    }
    return { ...feature, pooling };
  });
}

/** An encoded batch as inputs of the CRM's program: one per feature, [size] or [size, maxLength]. */
export function idFeeds(features: readonly Feature[], batch: IdBatch, prefix = ""): Batch {
  const feeds: Record<string, Feed> = {};
  for (const feature of features) {
    const shape = feature.type === "sequence" ? [batch.size, feature.maxLength] : [batch.size];
    feeds[`${prefix}${feature.name}`] = { shape, data: batch.features[feature.name]! };
  }
  return feeds;
}
