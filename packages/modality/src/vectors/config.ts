import { z } from "zod";

/** A feature of an item's text, as a vector that a language model made of it beforehand. */
export interface TextConfig {
  name: string;
  type: "text";
  /** A safetensors file of item vectors, as `writeVectors` writes it; in a feature map the name of its vectors. */
  vectors: string;
}

/** A feature of how near an item's text is to what the user liked, and how far from what the user did not like. */
export interface AffinityConfig {
  name: string;
  type: "affinity";
  /** A safetensors file of item vectors, as `writeVectors` writes it; in a feature map the name of its vectors. */
  vectors: string;
  /** So many of the latest events count; default: the whole window of the history. */
  maxLength?: number | undefined;
}

/** A feature that looks up vectors of items. */
export type VectorFeatureConfig = TextConfig | AffinityConfig;

const fields = { name: z.string().min(1), vectors: z.string().min(1) };

/** An item's text as a vector, as a run's YAML may say it. */
export const textConfigSchema: z.ZodType<TextConfig> & z.core.$ZodTypeDiscriminable = z.strictObject({
  ...fields,
  type: z.literal("text"),
});

/** The user's affinity to an item's text, as a run's YAML may say it. */
export const affinityConfigSchema: z.ZodType<AffinityConfig> & z.core.$ZodTypeDiscriminable = z.strictObject({
  ...fields,
  type: z.literal("affinity"),
  maxLength: z.int().positive().max(4096).optional(),
});

/** Whether a feature looks up vectors of items. */
export function looksUpVectors(config: { readonly type: string }): config is VectorFeatureConfig {
  return config.type === "text" || config.type === "affinity";
}

/** The vectors that features name, each once, in the order of the features. */
export function vectorsNamed(features: readonly { readonly type: string }[]): string[] {
  return [...new Set(features.filter((feature) => looksUpVectors(feature)).map(({ vectors }) => vectors))];
}
