import { CorellaError } from "@corella/errors";
import type { CrmFeature } from "../features.ts";

/** A feature as FuxiCTR's feature map describes it. */
export interface FuxiCtrFeature {
  readonly name: string;
  readonly type: string;
  readonly vocab_size?: number;
  readonly max_len?: number;
  readonly feature_encoder?: string;
  readonly share_embedding?: string;
}

export function fromFuxiCtrFeatures(features: readonly FuxiCtrFeature[]): CrmFeature[] {
  return features.map((feature) => {
    const { name, type } = feature;
    if (type === "numeric") return { name, type };
    const table = feature.share_embedding ?? name;
    const vocabularySize = feature.vocab_size!;
    if (type === "categorical") return { name, type, vocabularySize, table };
    if (type === "sequence") {
      const pooling = feature.feature_encoder?.includes("Sum") === true ? "sum" : "mean";
      return { name, type, vocabularySize, maxLength: feature.max_len!, pooling, table };
    }
    throw new CorellaError({
      code: "crm/fuxictr",
      message: `Features of FuxiCTR's type ${type} have no counterpart.`,
      place: name,
      remedy: "Use categorical, sequence or numeric features.",
    });
  });
}
