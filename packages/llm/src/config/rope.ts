import { z } from "zod";

/** Rotary position embedding: how fast each pair of dimensions turns (Su et al. 2021 and its long-context variants). */
export type RopeConfig =
  | { readonly kind: "default"; readonly theta: number }
  | { readonly kind: "linear"; readonly theta: number; readonly factor: number }
  | {
      readonly kind: "llama3";
      readonly theta: number;
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    }
  | {
      /** Sequences longer than maxPositions turn slower, the longer they are. */
      readonly kind: "dynamic";
      readonly theta: number;
      readonly factor: number;
      readonly maxPositions: number;
    }
  | {
      /** Each pair of dimensions turns slower by a factor of its own, by another one in longer sequences. */
      readonly kind: "longrope";
      readonly theta: number;
      /** [headDim / 2], up to originalMaxPositions and beyond. */
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly attentionFactor: number;
      readonly originalMaxPositions: number;
    }
  | {
      readonly kind: "yarn";
      readonly theta: number;
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly attentionFactor: number;
      readonly originalMaxPositions: number;
      /** False: the ramp begins and ends between dimensions. Default true. */
      readonly truncate?: boolean;
    };

/** The fields of `rope_parameters` in config.json, or of `rope_scaling` in the names of transformers 4. */
export interface RopeFields {
  readonly rope_type?: string | undefined;
  /** The name before `rope_type`. */
  readonly type?: string | undefined;
  readonly rope_theta?: number | undefined;
  readonly factor?: number | null | undefined;
  readonly low_freq_factor?: number | undefined;
  readonly high_freq_factor?: number | undefined;
  readonly original_max_position_embeddings?: number | undefined;
  readonly short_factor?: readonly number[] | undefined;
  readonly long_factor?: readonly number[] | undefined;
  readonly beta_fast?: number | null | undefined;
  readonly beta_slow?: number | null | undefined;
  readonly attention_factor?: number | null | undefined;
  readonly mscale?: number | null | undefined;
  readonly mscale_all_dim?: number | null | undefined;
  readonly truncate?: boolean | null | undefined;
  readonly partial_rotary_factor?: number | undefined;
}

const positive = z.number().positive();
/** The schema of `rope_parameters` in config.json, and of `rope_scaling`. */
export const ropeFields: z.ZodType<RopeFields> = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: positive.optional(),
  factor: positive.nullish(),
  low_freq_factor: positive.optional(),
  high_freq_factor: positive.optional(),
  original_max_position_embeddings: z.int().positive().optional(),
  short_factor: z.array(positive).optional(),
  long_factor: z.array(positive).optional(),
  beta_fast: positive.nullish(),
  beta_slow: positive.nullish(),
  attention_factor: positive.nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
  partial_rotary_factor: z.number().optional(),
});

/**
 * The RoPE that fields of config.json mean, with the defaults of transformers.
 * @param model what the fields may leave to the rest of config.json
 * @returns a string where something is not supported: it says what
 */
export function ropeConfig(
  fields: RopeFields,
  model: { readonly theta: number; readonly maxPositions: number; readonly headDim: number },
): RopeConfig | string {
  const { theta, maxPositions, headDim } = model;
  const kind = fields.rope_type ?? fields.type ?? "default";
  const originalMaxPositions = fields.original_max_position_embeddings ?? maxPositions;
  if (kind === "default") return { kind, theta };
  const stretched = kind === "yarn" || kind === "longrope" ? maxPositions / originalMaxPositions : undefined;
  const factor = fields.factor ?? stretched;
  if (factor === undefined) return `${kind} needs a factor`;
  if (kind === "linear") return { kind, theta, factor };
  if (kind === "dynamic")
    return headDim > 2 ? { kind, theta, factor, maxPositions } : "dynamic needs heads of more than 2";
  if (kind === "longrope") {
    const { short_factor: shortFactors, long_factor: longFactors } = fields;
    if (shortFactors === undefined || longFactors === undefined)
      return "longrope needs short_factor and long_factor";
    const other = [shortFactors, longFactors].find(({ length }) => length !== headDim / 2);
    if (other !== undefined) return `${other.length} factors, heads of ${headDim} want ${headDim / 2}`;
    const attentionFactor =
      fields.attention_factor ??
      (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositions)));
    return { kind, theta, shortFactors, longFactors, attentionFactor, originalMaxPositions };
  }
  if (kind === "llama3") {
    const { low_freq_factor: low, high_freq_factor: high } = fields;
    if (low === undefined || high === undefined) return "llama3 needs low_freq_factor and high_freq_factor";
    return {
      kind,
      theta,
      factor,
      lowFrequencyFactor: low,
      highFrequencyFactor: high,
      originalMaxPositions,
    };
  }
  if (kind === "yarn") {
    return {
      kind,
      theta,
      factor,
      betaFast: fields.beta_fast ?? 32,
      betaSlow: fields.beta_slow ?? 1,
      attentionFactor: fields.attention_factor ?? yarnAttentionFactor(fields, factor),
      originalMaxPositions,
      ...(fields.truncate === false ? { truncate: false } : {}),
    };
  }
  return `RoPE of type ${kind} is not supported; default, linear, dynamic, llama3, longrope and yarn are`;
}

/** Peng et al. 2023, eq. 22: 0.1 ln(factor) + 1. */
function yarnAttentionFactor(fields: RopeFields, factor: number): number {
  const scale = (multiplier: number): number => (factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1);
  return fields.mscale && fields.mscale_all_dim
    ? scale(fields.mscale) / scale(fields.mscale_all_dim)
    : scale(1);
}

/** The content of `rope_parameters` in config.json, as transformers 5 writes it. */
export function ropeParameters(rope: RopeConfig): Record<string, unknown> {
  const common = { rope_type: rope.kind, rope_theta: rope.theta };
  switch (rope.kind) {
    case "default":
      return common;
    case "linear":
    case "dynamic":
      return { ...common, factor: rope.factor };
    case "llama3":
      return {
        ...common,
        factor: rope.factor,
        low_freq_factor: rope.lowFrequencyFactor,
        high_freq_factor: rope.highFrequencyFactor,
        original_max_position_embeddings: rope.originalMaxPositions,
      };
    case "longrope":
      return {
        ...common,
        short_factor: [...rope.shortFactors],
        long_factor: [...rope.longFactors],
        attention_factor: rope.attentionFactor,
        original_max_position_embeddings: rope.originalMaxPositions,
      };
    case "yarn":
      return {
        ...common,
        factor: rope.factor,
        beta_fast: rope.betaFast,
        beta_slow: rope.betaSlow,
        attention_factor: rope.attentionFactor,
        original_max_position_embeddings: rope.originalMaxPositions,
        ...(rope.truncate === false ? { truncate: false } : {}),
      };
  }
}
