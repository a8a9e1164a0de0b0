import { CorellaError } from "@corella/errors";
import type { CrmFeature } from "../features.ts";

/** A feature as FuxiCTR's feature map describes it. */
export interface FuxiCtrFeature {
  readonly name: string;
  readonly type: string;
  readonly vocab_size?: number;
  readonly max_len?: number;
  readonly padding_idx?: number | null;
  readonly embedding_dim?: number;
  readonly feature_encoder?: string | readonly string[] | null;
  readonly share_embedding?: string;
}

type Config = Readonly<Record<string, unknown>>;

/**
 * Translates features of FuxiCTR's feature map. With a DIN's config its sequences are pooled by attention to the targets
 * that it names; a sequence that neither the config nor an encoder pools is averaged.
 * @throws CorellaError `crm/fuxictr`
 */
export function fromFuxiCtrFeatures(features: readonly FuxiCtrFeature[], config: Config = {}): CrmFeature[] {
  const targets = new Map<string, string | undefined>();
  attentionSequences(config).forEach((name, i) => targets.set(name, names(config, "din_target_field")[i]));
  const embedded = features.filter(({ type }) => type !== "meta");
  const tables = tablesOf(embedded);
  return embedded.map((feature) => {
    const { name, type, embedding_dim: dim = config["embedding_dim"] } = feature;
    if (dim !== config["embedding_dim"]) throw strange(name, `an embedding_dim of ${String(dim)}`);
    if (type === "numeric") return { name, type };
    const ids = { name, vocabularySize: feature.vocab_size!, table: tables.get(name)! };
    const paddingRow = hasPaddingRow(feature);
    if (type === "categorical") {
      if (feature.feature_encoder) throw strange(name, `the encoder ${String(feature.feature_encoder)}`);
      return { ...ids, type, ...(paddingRow ? {} : { paddingRow }) };
    }
    if (type !== "sequence") throw strange(name, `the type ${type}`);
    if (!paddingRow) throw strange(name, "a sequence and no padding_idx");
    const sequence = { ...ids, type, maxLength: feature.max_len! } as const;
    const target = targets.get(name);
    if (target !== undefined) return { ...sequence, pooling: "attention", target };
    return { ...sequence, pooling: poolingOf(feature) };
  });
}

/**
 * The table of each feature. FuxiCTR lets a feature share the table of one that stands before it; others have their own.
 */
function tablesOf(features: readonly FuxiCtrFeature[]): Map<string, string> {
  const tables = new Map<string, string>();
  for (const { name, share_embedding: owner } of features)
    tables.set(name, (owner === undefined ? undefined : tables.get(owner)) ?? name);
  return tables;
}

function hasPaddingRow({ name, padding_idx: row }: FuxiCtrFeature): boolean {
  if (row !== undefined && row !== null && row !== 0) throw strange(name, `the padding_idx ${row}`);
  return row === 0;
}

function poolingOf({ name, feature_encoder: given }: FuxiCtrFeature): "mean" | "sum" {
  const encoders = [given ?? "layers.MaskedAveragePooling()"].flat();
  const pooling = encoders.length === 1 && /^layers\.Masked(Average|Sum)Pooling\(\)$/.exec(encoders[0]!);
  if (!pooling) throw strange(name, `the encoder ${encoders.join(", ")}`);
  return pooling[1] === "Sum" ? "sum" : "mean";
}

function strange(place: string, what: string): CorellaError {
  return new CorellaError({
    code: "crm/fuxictr",
    message: `A feature with ${what} has no counterpart.`,
    place,
    remedy:
      "Use categorical and numeric features, and sequences with padding_idx 0 that are averaged or summed, all of the model's embedding_dim.",
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
