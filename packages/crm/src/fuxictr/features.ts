import { CorellaError } from "@corella/errors";
import type { CrmFeature } from "../features.ts";

/** A feature as FuxiCTR's feature map describes it. */
export interface FuxiCtrFeature {
  readonly name: string;
  readonly type: string;
  readonly vocab_size?: number;
  readonly max_len?: number;
  readonly feature_encoder?: string | null;
  readonly share_embedding?: string;
}

type Config = Readonly<Record<string, unknown>>;

/**
 * The features as ours. With a DIN's config its sequences are pooled by attention to the targets that it names; a sequence
 * that neither the config nor an encoder pools is averaged.
 * @throws CorellaError `crm/fuxictr`
 */
export function fromFuxiCtrFeatures(features: readonly FuxiCtrFeature[], config: Config = {}): CrmFeature[] {
  const sequences = attentionSequences(config);
  const targets = names(config, "din_target_field");
  return features.map((feature) => {
    const { name, type } = feature;
    if (type === "numeric") return { name, type };
    const table = feature.share_embedding ?? name;
    const vocabularySize = feature.vocab_size!;
    if (type === "categorical") return { name, type, vocabularySize, table };
    if (type === "sequence") {
      const sequence = { name, type, vocabularySize, maxLength: feature.max_len!, table } as const;
      const target = targets[sequences.indexOf(name)];
      if (target !== undefined) return { ...sequence, pooling: "attention", target };
      return { ...sequence, pooling: feature.feature_encoder?.includes("Sum") === true ? "sum" : "mean" };
    }
    throw new CorellaError({
      code: "crm/fuxictr",
      message: `Features of FuxiCTR's type ${type} have no counterpart.`,
      place: name,
      remedy: "Use categorical, sequence or numeric features.",
    });
  });
}

/** The sequences that a DIN's config pools by attention, in its order. @throws CorellaError `crm/fuxictr` */
export function attentionSequences(config: Config): string[] {
  return names(config, "din_sequence_field");
}

function names(config: Config, parameter: string): string[] {
  const value = config[parameter] ?? [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.every((name) => typeof name === "string")) return list;
  throw new CorellaError({
    code: "crm/fuxictr",
    message: "Attention over several features side by side has no counterpart.",
    place: parameter,
    remedy: "Name one feature for each attention.",
  });
}
