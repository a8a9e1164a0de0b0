import { z } from "zod";
import { parseConfig } from "./parse-config.ts";

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
      readonly kind: "yarn";
      readonly theta: number;
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly attentionFactor: number;
      readonly originalMaxPositions: number;
    };

/** A decoder of the Llama family. Sizes by their names in the papers; `toHuggingFace` gives config.json's names. */
export interface LlamaConfig {
  readonly architecture: "llama" | "mistral" | "qwen2" | "qwen3";
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEpsilon: number;
  /** Longest sequence; for a sliding window its length, within which it is ordinary attention. */
  readonly maxPositions: number;
  readonly rope: RopeConfig;
  /** Which projections have a bias. */
  readonly bias: { readonly queryKeyValue: boolean; readonly output: boolean; readonly mlp: boolean };
  /** RMS norm of each query and key head before RoPE (Qwen3). */
  readonly queryKeyNorm: boolean;
  /** The head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
  readonly initializerRange: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly padTokenId: number | undefined;
}

const size = z.int().positive();
const tokenId = z.int().nonnegative().nullish();
const ropeFields = z.looseObject({
  rope_type: z.string().optional(),
  /** The name before `rope_type`. */
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  factor: z.number().positive().optional(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  original_max_position_embeddings: size.optional(),
  beta_fast: z.number().positive().nullish(),
  beta_slow: z.number().positive().nullish(),
  attention_factor: z.number().positive().nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  partial_rotary_factor: z.number().optional(),
});
type RopeFields = z.infer<typeof ropeFields>;

const huggingFaceConfig = z.looseObject({
  model_type: z.enum(["llama", "mistral", "qwen2", "qwen3"], {
    error: (issue) =>
      `the architecture ${JSON.stringify(issue.input)} is not supported; llama, mistral, qwen2 and qwen3 are`,
  }),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: z.literal("silu").default("silu"),
  rms_norm_eps: z.number().positive().default(1e-6),
  max_position_embeddings: size.default(2048),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeFields.nullish(),
  rope_parameters: ropeFields.nullish(),
  partial_rotary_factor: z.number().optional(),
  attention_bias: z.boolean().optional(),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
  sliding_window: size.nullish(),
  use_sliding_window: z.boolean().optional(),
  initializer_range: z.number().default(0.02),
  bos_token_id: tokenId,
  eos_token_id: z.union([z.int().nonnegative(), z.array(z.int().nonnegative())]).nullish(),
  pad_token_id: tokenId,
});

/** Reads Hugging Face's config.json, in the names of transformers 4 (rope_theta, rope_scaling) and 5 (rope_parameters). */
export const llamaConfig: z.ZodType<LlamaConfig, unknown> = huggingFaceConfig.transform(
  (json, context): LlamaConfig => {
    const unsupported = (field: string, message: string): void => {
      context.addIssue({ code: "custom", path: [field], message });
    };
    const heads = json.num_attention_heads;
    const keyValueHeads = json.num_key_value_heads ?? heads;
    const headDim = json.head_dim ?? json.hidden_size / heads;
    if (heads % keyValueHeads !== 0)
      unsupported("num_key_value_heads", `${keyValueHeads} do not divide ${heads} attention heads`);
    if (headDim % 2 !== 0) unsupported("head_dim", `${headDim} is not an even number`);
    const fields: RopeFields = { ...json.rope_scaling, ...json.rope_parameters };
    if ((fields.partial_rotary_factor ?? json.partial_rotary_factor ?? 1) !== 1)
      unsupported("partial_rotary_factor", "rotating a part of each head is not supported");
    const rope = ropeConfig(
      fields,
      fields.rope_theta ?? json.rope_theta ?? 10_000,
      json.max_position_embeddings,
    );
    if (typeof rope === "string") unsupported("rope_parameters", rope);
    const qwen = json.model_type === "qwen2" || json.model_type === "qwen3";
    const windowed = typeof json.sliding_window === "number" && (!qwen || json.use_sliding_window === true);
    const attentionBias = json.attention_bias ?? false;
    const eos = json.eos_token_id;
    return {
      architecture: json.model_type,
      vocabularySize: json.vocab_size,
      hiddenSize: json.hidden_size,
      intermediateSize: json.intermediate_size,
      layers: json.num_hidden_layers,
      heads,
      keyValueHeads,
      headDim,
      rmsNormEpsilon: json.rms_norm_eps,
      maxPositions: windowed
        ? Math.min(json.sliding_window!, json.max_position_embeddings)
        : json.max_position_embeddings,
      rope: typeof rope === "string" ? { kind: "default", theta: 10_000 } : rope,
      // Qwen2 has biases on q, k and v whatever its config says; Mistral has none.
      bias: {
        queryKeyValue:
          json.model_type === "qwen2" ? true : json.model_type === "mistral" ? false : attentionBias,
        output: json.model_type === "llama" || json.model_type === "qwen3" ? attentionBias : false,
        mlp: json.model_type === "llama" ? json.mlp_bias : false,
      },
      queryKeyNorm: json.model_type === "qwen3",
      tieWordEmbeddings: json.tie_word_embeddings,
      initializerRange: json.initializer_range,
      bosTokenId: json.bos_token_id ?? undefined,
      eosTokenId: (Array.isArray(eos) ? eos[0] : eos) ?? undefined,
      padTokenId: json.pad_token_id ?? undefined,
    };
  },
);

/** A string says what is not supported. */
function ropeConfig(fields: RopeFields, theta: number, maxPositions: number): RopeConfig | string {
  const kind = fields.rope_type ?? fields.type ?? "default";
  const { factor } = fields;
  const originalMaxPositions = fields.original_max_position_embeddings ?? maxPositions;
  // "dynamic" changes nothing up to the length the model was trained on, which is the longest we accept.
  if (kind === "default" || kind === "dynamic") return { kind: "default", theta };
  if (factor === undefined) return `${kind} needs a factor`;
  if (kind === "linear") return { kind, theta, factor };
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
    };
  }
  return `RoPE of type ${kind} is not supported; default, linear, llama3 and yarn are`;
}

/** Peng et al. 2023, eq. 22: 0.1 ln(factor) + 1. */
function yarnAttentionFactor(fields: RopeFields, factor: number): number {
  const scale = (multiplier: number): number => (factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1);
  return fields.mscale && fields.mscale_all_dim
    ? scale(fields.mscale) / scale(fields.mscale_all_dim)
    : scale(1);
}

/**
 * Parses the content of a config.json.
 * @param place the file, for the error
 * @throws CorellaError `llm/config` with the first field that is wrong
 */
export function parseLlamaConfig(json: unknown, place: string): LlamaConfig {
  return parseConfig(llamaConfig, json, place);
}

/** The content of config.json for transformers 4 and 5. */
export function toHuggingFace(config: LlamaConfig): Record<string, unknown> {
  const names = { llama: "Llama", mistral: "Mistral", qwen2: "Qwen2", qwen3: "Qwen3" };
  const rope = ropeParameters(config.rope);
  return {
    architectures: [`${names[config.architecture]}ForCausalLM`],
    attention_bias: config.bias.queryKeyValue,
    attention_dropout: 0,
    bos_token_id: config.bosTokenId ?? null,
    dtype: "float32",
    eos_token_id: config.eosTokenId ?? null,
    head_dim: config.headDim,
    hidden_act: "silu",
    hidden_size: config.hiddenSize,
    initializer_range: config.initializerRange,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    mlp_bias: config.bias.mlp,
    model_type: config.architecture,
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.keyValueHeads,
    pad_token_id: config.padTokenId ?? null,
    rms_norm_eps: config.rmsNormEpsilon,
    rope_parameters: rope,
    rope_scaling: config.rope.kind === "default" ? null : rope,
    rope_theta: config.rope.theta,
    tie_word_embeddings: config.tieWordEmbeddings,
    torch_dtype: "float32",
    use_cache: true,
    vocab_size: config.vocabularySize,
  };
}

function ropeParameters(rope: RopeConfig): Record<string, unknown> {
  const common = { rope_type: rope.kind, rope_theta: rope.theta };
  switch (rope.kind) {
    case "default":
      return common;
    case "linear":
      return { ...common, factor: rope.factor };
    case "llama3":
      return {
        ...common,
        factor: rope.factor,
        low_freq_factor: rope.lowFrequencyFactor,
        high_freq_factor: rope.highFrequencyFactor,
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
      };
  }
}

/** A Llama of our own, to be trained from scratch. Heads of equal width, tied embeddings. */
export function tinyLlamaConfig(sizes: {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads?: number;
  /** Default 3 x hiddenSize. */
  readonly intermediateSize?: number;
  /** Default 512. */
  readonly maxPositions?: number;
}): LlamaConfig {
  return llamaConfig.parse({
    model_type: "llama",
    vocab_size: sizes.vocabularySize,
    hidden_size: sizes.hiddenSize,
    intermediate_size: sizes.intermediateSize ?? 3 * sizes.hiddenSize,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.keyValueHeads ?? sizes.heads,
    max_position_embeddings: sizes.maxPositions ?? 512,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    pad_token_id: 0,
    bos_token_id: 1,
    eos_token_id: 2,
  });
}
