import { parseDecoderConfig, toHuggingFace, type DecoderConfig } from "../index.ts";

/** Decoders of every architecture, and of what they differ in, with the vocabulary and the width of a Llama of 3 or 6 heads. */
export function smallDecoders(base: DecoderConfig): Readonly<Record<string, DecoderConfig>> {
  const like = (fields: Record<string, unknown>): DecoderConfig =>
    parseDecoderConfig({ ...toHuggingFace(base), ...fields }, "a test");
  return {
    llama: base,
    "llama with RoPE of llama3": like({
      rope_parameters: {
        rope_type: "llama3",
        factor: 4,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 16,
      },
    }),
    qwen2: like({ model_type: "qwen2", num_key_value_heads: 3 }),
    qwen3: like({ model_type: "qwen3", head_dim: 6, tie_word_embeddings: false }),
    olmo2: like({ model_type: "olmo2", num_key_value_heads: 3 }),
    mistral: like({ model_type: "mistral" }),
    "mistral with a window": like({ model_type: "mistral", sliding_window: 3 }),
    gemma3: parseDecoderConfig(
      {
        model_type: "gemma3_text",
        vocab_size: base.vocabularySize,
        hidden_size: base.hiddenSize,
        intermediate_size: 20,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 6,
        sliding_window: 4,
        layer_types: ["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters: {
          sliding_attention: { rope_type: "default", rope_theta: 100 },
          full_attention: { rope_type: "linear", rope_theta: 10_000, factor: 2 },
        },
      },
      "a test",
    ),
  };
}
