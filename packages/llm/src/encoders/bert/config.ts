import { z } from "zod";
import { activation, type Activation } from "../../config/activation.ts";
import { parseConfig } from "../../files/parse-config.ts";

/** An encoder of the BERT family (Devlin et al. 2019). */
export interface BertConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly tokenTypes: number;
  readonly activation: Activation;
  /** False: weights without the map of `pooled`. Default true. */
  readonly pooler?: boolean;
  readonly layerNormEpsilon: number;
  readonly initializerRange: number;
  readonly padTokenId: number;
}

const size = z.int().positive();

/** The schema of a BERT's config.json. */
export const bertConfig: z.ZodType<BertConfig, unknown> = z
  .looseObject({
    model_type: z.literal("bert"),
    vocab_size: size,
    hidden_size: size,
    intermediate_size: size,
    num_hidden_layers: size,
    num_attention_heads: size,
    max_position_embeddings: size,
    type_vocab_size: size.default(2),
    layer_norm_eps: z.number().positive().default(1e-12),
    hidden_act: activation.default("gelu"),
    is_decoder: z.literal(false, { error: "a BERT that decodes is not supported" }).default(false),
    position_embedding_type: z.literal("absolute").default("absolute"),
    initializer_range: z.number().default(0.02),
    pad_token_id: z.int().nonnegative().nullish(),
  })
  .transform((json) => ({
    vocabularySize: json.vocab_size,
    hiddenSize: json.hidden_size,
    intermediateSize: json.intermediate_size,
    layers: json.num_hidden_layers,
    heads: json.num_attention_heads,
    maxPositions: json.max_position_embeddings,
    tokenTypes: json.type_vocab_size,
    activation: json.hidden_act,
    layerNormEpsilon: json.layer_norm_eps,
    initializerRange: json.initializer_range,
    padTokenId: json.pad_token_id ?? 0,
  }));

/**
 * Reads the content of a BERT's config.json.
 * @param place the file, for the error
 * @throws CorellaError `llm/config` with the first field that is wrong
 */
export function parseBertConfig(json: unknown, place: string): BertConfig {
  return parseConfig(bertConfig, json, place);
}
