import { z } from "zod";
import { activation, activationName, type Activation } from "../../config/activation.ts";
import { parseConfig } from "../../files/parse-config.ts";

/** An encoder-decoder of the T5 family (Raffel et al. 2020; v1.1 with a gated feed-forward layer). */
export interface T5Config {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly headDim: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly relativeBuckets: number;
  readonly relativeMaxDistance: number;
  readonly feedForward: { readonly activation: Activation; readonly gated: boolean };
  readonly layerNormEpsilon: number;
  /** The head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
  /** The decoder's output is scaled by hiddenSize^-0.5 before the head. */
  readonly scaleDecoderOutputs: boolean;
  readonly startTokenId: number;
  readonly padTokenId: number;
  /** Ends every answer. */
  readonly endTokenId: number;
  /**
   * Rows of the whole-word embeddings that are added to the encoder's input, one for the pieces of each word in turn (P5); 0: there
   * are none, as in every T5 but those.
   */
  readonly wholeWords: number;
}

const size = z.int().positive();

/** The schema of a T5's config.json. */
export const t5Config: z.ZodType<T5Config, unknown> = z
  .looseObject({
    model_type: z.literal("t5"),
    vocab_size: size,
    d_model: size,
    d_kv: size,
    d_ff: size,
    num_heads: size,
    num_layers: size,
    num_decoder_layers: size.nullish(),
    relative_attention_num_buckets: size.default(32),
    relative_attention_max_distance: size.default(128),
    feed_forward_proj: z.string().default("relu"),
    layer_norm_epsilon: z.number().positive().default(1e-6),
    tie_word_embeddings: z.boolean().default(true),
    scale_decoder_outputs: z.boolean().optional(),
    is_decoder: z.literal(false).optional(),
    decoder_start_token_id: z.int().nonnegative().nullish(),
    pad_token_id: z.int().nonnegative().nullish(),
    eos_token_id: z.int().nonnegative().nullish(),
    whole_words: z.int().nonnegative().default(0),
  })
  .transform((json, context) => {
    const issue = (field: string, message: string): void =>
      context.addIssue({ code: "custom", path: [field], message });
    const gated = json.feed_forward_proj.startsWith("gated-");
    const name = gated ? json.feed_forward_proj.slice("gated-".length) : json.feed_forward_proj;
    // The paper's gated layers have the approximation, whose name is left out.
    const parsed = activation.safeParse(gated && name === "gelu" ? "gelu_new" : name);
    if (!parsed.success) issue("feed_forward_proj", parsed.error.issues[0]!.message);
    const buckets = json.relative_attention_num_buckets;
    if (buckets < 4 || json.relative_attention_max_distance <= buckets / 2)
      issue(
        "relative_attention_num_buckets",
        `${buckets} buckets up to a distance of ${json.relative_attention_max_distance} are not supported`,
      );
    return {
      vocabularySize: json.vocab_size,
      hiddenSize: json.d_model,
      headDim: json.d_kv,
      heads: json.num_heads,
      intermediateSize: json.d_ff,
      encoderLayers: json.num_layers,
      decoderLayers: json.num_decoder_layers ?? json.num_layers,
      relativeBuckets: json.relative_attention_num_buckets,
      relativeMaxDistance: json.relative_attention_max_distance,
      feedForward: { activation: parsed.data ?? "relu", gated },
      layerNormEpsilon: json.layer_norm_epsilon,
      tieWordEmbeddings: json.tie_word_embeddings,
      scaleDecoderOutputs: json.scale_decoder_outputs ?? json.tie_word_embeddings,
      startTokenId: json.decoder_start_token_id ?? 0,
      padTokenId: json.pad_token_id ?? 0,
      endTokenId: json.eos_token_id ?? 1,
      wholeWords: json.whole_words,
    };
  });

/**
 * Reads the content of a T5's config.json.
 * @param place the file, for the error
 * @throws CorellaError `llm/config` with the first field that is wrong
 */
export function parseT5Config(json: unknown, place: string): T5Config {
  return parseConfig(t5Config, json, place);
}

/** The content of config.json for a T5, as transformers reads it; `whole_words` is ours. */
export function t5ToHuggingFace(config: T5Config): Readonly<Record<string, unknown>> {
  const { activation: kind, gated } = config.feedForward;
  const name = activationName(kind);
  return {
    architectures: ["T5ForConditionalGeneration"],
    model_type: "t5",
    is_encoder_decoder: true,
    vocab_size: config.vocabularySize,
    d_model: config.hiddenSize,
    d_kv: config.headDim,
    d_ff: config.intermediateSize,
    num_heads: config.heads,
    num_layers: config.encoderLayers,
    num_decoder_layers: config.decoderLayers,
    relative_attention_num_buckets: config.relativeBuckets,
    relative_attention_max_distance: config.relativeMaxDistance,
    feed_forward_proj: gated ? `gated-${kind === "geluTanh" ? "gelu" : name}` : name,
    layer_norm_epsilon: config.layerNormEpsilon,
    tie_word_embeddings: config.tieWordEmbeddings,
    scale_decoder_outputs: config.scaleDecoderOutputs,
    decoder_start_token_id: config.startTokenId,
    pad_token_id: config.padTokenId,
    eos_token_id: config.endTokenId,
    whole_words: config.wholeWords,
  };
}
