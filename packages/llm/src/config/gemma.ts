import { z } from "zod";
import type { DecoderConfig } from "./decoder.ts";
import { activation, activationName } from "./activation.ts";
import { layerTypes, layerTypesOf, slidingLayers } from "./layer-types.ts";
import { ropeConfig, ropeFields, ropeParameters, type RopeConfig, type RopeFields } from "./rope.ts";

const size = z.int().positive();
const tokenId = z.int().nonnegative().nullish();

const textConfig = z.looseObject({
  seesPictures: z.boolean(),
  vocab_size: size.default(262_208),
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size.default(8),
  num_key_value_heads: size.default(4),
  head_dim: size.default(256),
  hidden_activation: activation.default("geluTanh"),
  rms_norm_eps: z.number().positive().default(1e-6),
  max_position_embeddings: size.default(131_072),
  query_pre_attn_scalar: z.number().positive().default(256),
  attention_bias: z.boolean().default(false),
  attn_logit_softcapping: z.null().optional(),
  final_logit_softcapping: z.null().optional(),
  use_bidirectional_attention: z
    .literal(false, { error: "attention to tokens that follow is not supported" })
    .nullish(),
  sliding_window: size.default(4096),
  /** Every sixth layer sees everything, in the names of transformers 4. */
  sliding_window_pattern: size.default(6),
  layer_types: layerTypes,
  rope_theta: z.number().positive().default(1e6),
  rope_local_base_freq: z.number().positive().default(1e4),
  rope_scaling: ropeFields.nullish(),
  rope_parameters: z
    .looseObject({ sliding_attention: ropeFields.nullish(), full_attention: ropeFields.nullish() })
    .nullish(),
  tie_word_embeddings: z.boolean().default(true),
  initializer_range: z.number().default(0.02),
  bos_token_id: tokenId,
  eos_token_id: z.union([z.int().nonnegative(), z.array(z.int().nonnegative())]).nullish(),
  pad_token_id: tokenId,
});

/** True for the config.json of Gemma 3: of the text model alone, or of one that sees pictures. */
export function isGemma3(json: unknown): boolean {
  const kind = (json as { model_type?: unknown } | null | undefined)?.model_type;
  return kind === "gemma3_text" || kind === "gemma3";
}

/**
 * The schema of Gemma 3's config.json (Gemma Team 2025): the text model's, or that of a model that sees pictures, of
 * which the text model is read.
 */
export const gemma3Config: z.ZodType<DecoderConfig, unknown> = z
  .preprocess(
    (json) => ({
      ...(json as object),
      ...(json as { text_config?: object }).text_config,
      // As transformers chooses the class; the inner model_type is the text model's.
      seesPictures: (json as { model_type?: unknown }).model_type === "gemma3",
    }),
    textConfig,
  )
  .transform((json, context): DecoderConfig => {
    const maxPositions = json.max_position_embeddings;
    const unsupported = (field: string, message: string): void =>
      context.addIssue({ code: "custom", path: [field], message });
    const rope = (fields: RopeFields, defaultTheta: number): RopeConfig => {
      const theta = fields.rope_theta ?? defaultTheta;
      const parsed = ropeConfig(fields, { theta, maxPositions, headDim: json.head_dim });
      if (typeof parsed !== "string") return parsed;
      unsupported("rope_parameters", parsed);
      return { kind: "default", theta };
    };
    const eos = json.eos_token_id;
    return {
      architecture: "gemma3",
      ...(json.seesPictures ? { multimodal: true } : {}),
      vocabularySize: json.vocab_size,
      hiddenSize: json.hidden_size,
      intermediateSize: json.intermediate_size,
      layers: json.num_hidden_layers,
      heads: json.num_attention_heads,
      keyValueHeads: json.num_key_value_heads,
      headDim: json.head_dim,
      ...(json.hidden_activation === "geluTanh" ? {} : { activation: json.hidden_activation }),
      rmsNormEpsilon: json.rms_norm_eps,
      maxPositions,
      rope: rope({ ...json.rope_parameters?.full_attention, ...json.rope_scaling }, json.rope_theta),
      sliding: {
        window: json.sliding_window,
        rope: rope(json.rope_parameters?.sliding_attention ?? {}, json.rope_local_base_freq),
        layers: slidingLayers(
          json.layer_types,
          json.num_hidden_layers,
          (layer) => (layer + 1) % json.sliding_window_pattern !== 0,
          (message) => unsupported("layer_types", message),
        ),
      },
      queryScalar: json.query_pre_attn_scalar,
      bias: { queryKeyValue: json.attention_bias, output: json.attention_bias, mlp: false },
      queryKeyNorm: "head",
      tieWordEmbeddings: json.tie_word_embeddings,
      initializerRange: json.initializer_range,
      bosTokenId: json.bos_token_id ?? undefined,
      eosTokenId: (Array.isArray(eos) ? eos[0] : eos) ?? undefined,
      padTokenId: json.pad_token_id ?? undefined,
    };
  });

/** The content of config.json for the text model of a Gemma 3, in the names of transformers 4 and 5. */
export function gemma3ToHuggingFace(config: DecoderConfig): Record<string, unknown> {
  const sliding = config.sliding!;
  return {
    architectures: ["Gemma3ForCausalLM"],
    attention_bias: config.bias.queryKeyValue,
    bos_token_id: config.bosTokenId ?? null,
    dtype: "float32",
    eos_token_id: config.eosTokenId ?? null,
    head_dim: config.headDim,
    hidden_activation: activationName(config.activation ?? "geluTanh"),
    hidden_size: config.hiddenSize,
    initializer_range: config.initializerRange,
    intermediate_size: config.intermediateSize,
    layer_types: layerTypesOf(sliding.layers),
    max_position_embeddings: config.maxPositions,
    model_type: "gemma3_text",
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.keyValueHeads,
    pad_token_id: config.padTokenId ?? null,
    query_pre_attn_scalar: config.queryScalar ?? config.headDim,
    rms_norm_eps: config.rmsNormEpsilon,
    rope_local_base_freq: sliding.rope.theta,
    rope_parameters: {
      full_attention: ropeParameters(config.rope),
      sliding_attention: ropeParameters(sliding.rope),
    },
    rope_scaling: config.rope.kind === "default" ? null : ropeParameters(config.rope),
    rope_theta: config.rope.theta,
    sliding_window: sliding.window,
    tie_word_embeddings: config.tieWordEmbeddings,
    torch_dtype: "float32",
    vocab_size: config.vocabularySize,
  };
}
