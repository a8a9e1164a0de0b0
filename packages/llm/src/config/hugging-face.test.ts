import { describe, expect, test } from "vitest";
import { parseDecoderConfig, tinyLlamaConfig, toHuggingFace, type DecoderConfig } from "../index.ts";

const sizes = {
  vocab_size: 50,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 7,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 4,
  max_position_embeddings: 128,
};
const parse = (fields: Record<string, unknown>): DecoderConfig =>
  parseDecoderConfig({ ...sizes, ...fields }, "a test");
const yarn = { rope_type: "yarn", rope_theta: 1e4, factor: 4, original_max_position_embeddings: 32 };
const factors = {
  rope_type: "longrope",
  short_factor: [1, 3],
  long_factor: [1, 5],
  attention_factor: 1,
  original_max_position_embeddings: 128,
};
const gemma = {
  model_type: "gemma3_text",
  sliding_window: 8,
  query_pre_attn_scalar: 6,
  rope_parameters: {
    sliding_attention: { rope_type: "default", rope_theta: 1e4 },
    full_attention: { rope_type: "linear", rope_theta: 1e6, factor: 8 },
  },
};

test.each<[string, Record<string, unknown>]>([
  ["llama with biases", { model_type: "llama", attention_bias: true, mlp_bias: true }],
  ["llama with linear RoPE", { model_type: "llama", rope_scaling: { type: "linear", factor: 2 } }],
  ["llama with a factor for each pair", { model_type: "llama", rope_scaling: factors }],
  ["mistral", { model_type: "mistral", sliding_window: null }],
  ["mistral with a window", { model_type: "mistral", sliding_window: 9 }],
  ["qwen2", { model_type: "qwen2", sliding_window: 9, use_sliding_window: false }],
  [
    "qwen2 that slides",
    { model_type: "qwen2", sliding_window: 9, use_sliding_window: true, max_window_layers: 2 },
  ],
  ["qwen3 with YaRN", { model_type: "qwen3", rope_parameters: yarn, tie_word_embeddings: true }],
  ["olmo2", { model_type: "olmo2", attention_bias: true, rope_theta: 5e5 }],
  ["gemma3", gemma],
])("what is written as config.json reads the same: %s", (_, fields) => {
  const config = parse(fields);
  expect(parseDecoderConfig(toHuggingFace(config), "written")).toEqual(config);
});

describe("windows", () => {
  const slides = (fields: Record<string, unknown>): string | undefined =>
    parse(fields)
      .sliding?.layers.map((layer) => (layer ? "s" : "f"))
      .join("");

  test("are of the layers that have them", () => {
    expect(slides({ model_type: "mistral", sliding_window: 9 })).toBe("sssssss");
    // transformers' default; Llama has no windows, whatever its config.json says.
    expect(parse({ model_type: "mistral" }).sliding?.window).toBe(4096);
    expect(slides({ model_type: "mistral", sliding_window: null })).toBeUndefined();
    expect(slides({ model_type: "llama", sliding_window: 9 })).toBeUndefined();
    const qwen = { model_type: "qwen2", sliding_window: 9 };
    expect(slides(qwen)).toBeUndefined();
    expect(slides({ ...qwen, use_sliding_window: true, max_window_layers: 5 })).toBe("fffffss");
    expect(slides(gemma)).toBe("sssssfs");
  });

  test("Gemma's are the same in the names of transformers 4, and inside a model that sees pictures", () => {
    const { rope_parameters: _, model_type: kind, ...common } = gemma;
    const old = {
      ...common,
      rope_theta: 1e6,
      rope_local_base_freq: 1e4,
      rope_scaling: { rope_type: "linear", factor: 8 },
      sliding_window_pattern: 6,
    };
    expect(parse({ ...old, model_type: kind })).toEqual(parse(gemma));
    const outer = { model_type: "gemma3", eos_token_id: [1, 106], text_config: { ...sizes, ...old } };
    expect(parseDecoderConfig(outer, "a test")).toEqual({
      ...parse(gemma),
      multimodal: true,
      eosTokenId: 1,
    });
  });
});

test("what we lack is named", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ model_type: "gpt2" }, /"gpt2" is not supported; llama, .* gemma3_text are/],
    [
      { model_type: "llama", hidden_act: "mish" },
      /hidden_act: the activation "mish" is not supported; silu, /,
    ],
    [
      { ...gemma, use_bidirectional_attention: true },
      /use_bidirectional_attention: attention to tokens that follow/,
    ],
    [
      { model_type: "qwen3", use_sliding_window: true, layer_types: ["full_attention"] },
      /1 types for 7 layers/,
    ],
    [{ ...gemma, layer_types: ["full_attention"] }, /1 types for 7 layers/],
    [{ model_type: "gemma2" }, /"gemma2" is not supported/],
    [{ model_type: "llama", partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
    [{ ...gemma, final_logit_softcapping: 30 }, /final_logit_softcapping/],
    [{ model_type: "llama", rope_scaling: { rope_type: "spiral", factor: 2 } }, /spiral is not supported/],
    [{ model_type: "llama", rope_scaling: { ...factors, long_factor: [2] } }, /1 factors, heads of 4 want 2/],
    [{ model_type: "llama", num_key_value_heads: 3 }, /3 do not divide 4/],
    [{ model_type: "llama", hidden_size: "16" }, /hidden_size/],
  ];
  for (const [fields, message] of cases)
    expect(() => parse(fields)).toThrow(
      expect.objectContaining({ code: "llm/config", message: expect.stringMatching(message) }),
    );
});

test("a decoder of our own has heads that fit", () => {
  const size = { vocabularySize: 10, hiddenSize: 8, layers: 1 };
  expect(tinyLlamaConfig({ ...size, heads: 2 }).headDim).toBe(4);
  for (const heads of [3, 8])
    expect(() => tinyLlamaConfig({ ...size, heads })).toThrowError(
      expect.objectContaining({ code: "llm/config", message: expect.stringContaining("head_dim") }),
    );
});
