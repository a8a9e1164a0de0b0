import { z } from "zod";
import { activation, activationName } from "./activation.ts";
import { parseConfig } from "../files/parse-config.ts";
import type { DecoderConfig } from "./decoder.ts";
import { layerTypes, layerTypesOf, slidingLayers } from "./layer-types.ts";
import { ropeConfig, ropeFields, ropeParameters, type RopeConfig, type RopeFields } from "./rope.ts";

const size = z.int().positive();
const tokenId = z.int().nonnegative().nullish();
const huggingFaceConfig = z.looseObject({
  model_type: z.enum(["llama", "mistral", "qwen2", "qwen3", "olmo2"], {
    error: (issue) =>
      `the architecture ${JSON.stringify(issue.input)} is not supported; llama, mistral, qwen2, qwen3, olmo2 and gemma3_text are`,
  }),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: activation.default("silu"),
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
  max_window_layers: z.int().nonnegative().default(28),
  layer_types: layerTypes,
  original_max_position_embeddings: size.nullish(),
  initializer_range: z.number().default(0.02),
  bos_token_id: tokenId,
  eos_token_id: z.union([z.int().nonnegative(), z.array(z.int().nonnegative())]).nullish(),
  pad_token_id: tokenId,
});

/** What transformers takes for fields that a config.json leaves out, where it is not the same for all. */
const defaults: Readonly<Record<string, object>> = {
  mistral: { num_key_value_heads: 8, sliding_window: 4096, max_position_embeddings: 131_072 },
  qwen2: { num_key_value_heads: 32, max_position_embeddings: 32_768 },
  qwen3: { num_key_value_heads: 32, max_position_embeddings: 32_768, head_dim: 128 },
  olmo2: { rms_norm_eps: 1e-5 },
};

const queryKeyNorms: Readonly<Record<string, DecoderConfig["queryKeyNorm"]>> = {
  qwen3: "head",
  olmo2: "projection",
};

function withDefaults(json: unknown): unknown {
  if (typeof json !== "object" || json === null) return json;
  return { ...defaults[String((json as { model_type?: unknown }).model_type)], ...json };
}

/**
 * The schema of config.json of Llama and of those that differ from it in few things: Mistral, Qwen2, Qwen3, OLMo 2.
 */
export const llamaConfig: z.ZodType<DecoderConfig, unknown> = z
  .preprocess(withDefaults, huggingFaceConfig)
  .transform((json, context): DecoderConfig => {
    const unsupported = (field: string, message: string): void => {
      context.addIssue({ code: "custom", path: [field], message });
    };
    const heads = json.num_attention_heads;
    const keyValueHeads = json.num_key_value_heads ?? heads;
    const headDim = json.head_dim ?? json.hidden_size / heads;
    if (heads % keyValueHeads !== 0)
      unsupported("num_key_value_heads", `${keyValueHeads} do not divide ${heads} attention heads`);
    if (headDim % 2 !== 0) unsupported("head_dim", `${headDim} is not an even number`);
    // Where both are there, transformers 5 takes the old name.
    const scaling = json.rope_scaling ?? {};
    const fields: RopeFields = Object.keys(scaling).length > 0 ? scaling : (json.rope_parameters ?? {});
    if ((fields.partial_rotary_factor ?? json.partial_rotary_factor ?? 1) !== 1)
      unsupported("partial_rotary_factor", "rotating a part of each head is not supported");
    const rope = ropeConfig(
      {
        ...fields,
        original_max_position_embeddings:
          json.original_max_position_embeddings ?? fields.original_max_position_embeddings,
      },
      {
        theta: fields.rope_theta ?? json.rope_theta ?? 10_000,
        maxPositions: json.max_position_embeddings,
        headDim,
      },
    );
    if (typeof rope === "string") unsupported("rope_parameters", rope);
    const usable: RopeConfig = typeof rope === "string" ? { kind: "default", theta: 10_000 } : rope;
    const qwen = json.model_type === "qwen2" || json.model_type === "qwen3";
    // Without types, Qwen's layers from max_window_layers on slide, Mistral's all. Llama's never do.
    const { sliding_window: window } = json;
    const windowed = json.model_type === "mistral" || (qwen && json.use_sliding_window === true);
    const slides = windowed
      ? slidingLayers(
          json.layer_types,
          json.num_hidden_layers,
          (layer) => !qwen || layer >= json.max_window_layers,
          (message) => unsupported("layer_types", message),
        )
      : [];
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
      ...(json.hidden_act === "silu" ? {} : { activation: json.hidden_act }),
      rmsNormEpsilon: json.rms_norm_eps,
      maxPositions: json.max_position_embeddings,
      rope: usable,
      ...(window != null && slides.includes(true)
        ? { sliding: { window, rope: usable, layers: slides } }
        : {}),
      // Qwen2 has biases on q, k and v whatever its config says; Mistral has none.
      bias: {
        queryKeyValue:
          json.model_type === "qwen2" ? true : json.model_type === "mistral" ? false : attentionBias,
        output: ["llama", "qwen3", "olmo2"].includes(json.model_type) ? attentionBias : false,
        mlp: json.model_type === "llama" ? json.mlp_bias : false,
      },
      queryKeyNorm: queryKeyNorms[json.model_type] ?? "none",
      tieWordEmbeddings: json.tie_word_embeddings,
      initializerRange: json.initializer_range,
      bosTokenId: json.bos_token_id ?? undefined,
      eosTokenId: (Array.isArray(eos) ? eos[0] : eos) ?? undefined,
      padTokenId: json.pad_token_id ?? undefined,
    };
  });

const classNames = { llama: "Llama", mistral: "Mistral", qwen2: "Qwen2", qwen3: "Qwen3", olmo2: "Olmo2" };

/** The content of config.json for a decoder that `llamaConfig` reads, in the names of transformers 4 and 5. */
export function llamaToHuggingFace(config: DecoderConfig): Record<string, unknown> {
  const rope = ropeParameters(config.rope);
  return {
    architectures: [`${classNames[config.architecture as keyof typeof classNames]}ForCausalLM`],
    attention_bias: config.bias.queryKeyValue,
    attention_dropout: 0,
    bos_token_id: config.bosTokenId ?? null,
    dtype: "float32",
    eos_token_id: config.eosTokenId ?? null,
    head_dim: config.headDim,
    hidden_act: activationName(config.activation ?? "silu"),
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
    ...slidingFields(config),
    tie_word_embeddings: config.tieWordEmbeddings,
    torch_dtype: "float32",
    use_cache: true,
    vocab_size: config.vocabularySize,
  };
}

function slidingFields(config: DecoderConfig): Record<string, unknown> {
  const { sliding } = config;
  return sliding === undefined
    ? { sliding_window: null, use_sliding_window: false }
    : { sliding_window: sliding.window, use_sliding_window: true, layer_types: layerTypesOf(sliding.layers) };
}

/**
 * The configuration of a small Llama to be trained from scratch: heads of hiddenSize / heads, RoPE with theta 10,000, tied
 * embeddings, and the special tokens of `trainTokenizer`.
 * @throws CorellaError `llm/config` for heads that do not fit
 */
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
}): DecoderConfig {
  const json = {
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
  };
  return parseConfig(llamaConfig, json, "tinyLlamaConfig");
}
