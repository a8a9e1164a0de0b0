import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  tf,
  type Batch,
  type GradientResult,
  type Program,
  type Runtime,
} from "@corella/engine";
import { createGenerator } from "@corella/random";
import { expect, test } from "vitest";
import { bertConfig } from "../encoders/bert/config.ts";
import { bertEncoder, t5 } from "../encoders.ts";
import {
  decoder,
  isLoraParam,
  languageModelProgram,
  packedDecoder,
  packedFeeds,
  paddedFeeds,
  parseDecoderConfig,
  tinyLlamaConfig,
  twoWayProgram,
  type LoraConfig,
} from "../index.ts";
import { t5Config } from "../encoders/t5/config.ts";

const answers = { yes: 3, no: 4 };
const vocabulary = 40;
const generator = createGenerator(1, "recompute");
const prefix = Array.from({ length: 3 }, () => generator.integer(vocabulary));
const sequences = [2, 5, 1].map((length) => [
  ...prefix,
  ...Array.from({ length }, () => generator.integer(vocabulary)),
]);
const label = { shape: [3], data: Float32Array.of(1, 0, 1) };
const padded: Batch = { ...paddedFeeds(sequences), label };

const llama = tinyLlamaConfig({
  vocabularySize: vocabulary,
  hiddenSize: 12,
  layers: 3,
  heads: 3,
  maxPositions: 16,
});
const gemma = parseDecoderConfig(
  {
    model_type: "gemma3_text",
    vocab_size: vocabulary,
    hidden_size: 12,
    intermediate_size: 20,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 6,
    sliding_window: 4,
    layer_types: ["sliding_attention", "full_attention"],
    rope_parameters: {
      sliding_attention: { rope_type: "default", rope_theta: 100 },
      full_attention: { rope_type: "default", rope_theta: 10_000 },
    },
  },
  "a test",
);
const lora: LoraConfig = { rank: 2, alpha: 4, dropout: 0.25, targetModules: ["q_proj", "down_proj"] };
const sizes = { vocab_size: vocabulary, hidden_size: 12, intermediate_size: 20, num_hidden_layers: 2 };
const bert = bertConfig.parse({
  model_type: "bert",
  ...sizes,
  num_attention_heads: 3,
  max_position_embeddings: 16,
});
const encoderDecoder = t5Config.parse({
  model_type: "t5",
  vocab_size: vocabulary,
  d_model: 12,
  d_ff: 20,
  num_layers: 2,
  d_kv: 4,
  num_heads: 2,
});

interface Case {
  program(recompute: boolean): Program;
  readonly feeds: Batch;
  readonly trainable?: (name: string) => boolean;
  /** The gradient of what several blocks use is summed in another order. */
  readonly shared?: boolean;
}

const cases: Record<string, Case> = {
  "a decoder with LoRA": {
    program: (recompute) => twoWayProgram(decoder(llama, { answers, lora, recompute })),
    feeds: padded,
    trainable: isLoraParam,
  },
  "all of a packed decoder": {
    program: (recompute) => twoWayProgram(packedDecoder(llama, { answers, lora, recompute })),
    feeds: { ...packedFeeds(sequences), label },
  },
  "Gemma 3 with LoRA": {
    program: (recompute) => twoWayProgram(packedDecoder(gemma, { answers, lora, recompute })),
    feeds: { ...packedFeeds(sequences), label },
    trainable: isLoraParam,
  },
  "a language model": {
    program: (recompute) => languageModelProgram(llama, { recompute }),
    feeds: {
      tokens: { shape: [2, 4], data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
      targets: { shape: [2, 4], data: Int32Array.of(2, 3, 4, 5, 6, 7, 8, 9) },
      index: { shape: [4], data: Int32Array.of(0, 1, 2, 3) },
    },
  },
  BERT: {
    program(recompute) {
      const part = bertEncoder(bert, { recompute });
      return { ...part, forward: (scope) => ({ loss: tf.mean(part.forward(scope).pooled()), outputs: {} }) };
    },
    feeds: paddedFeeds(sequences),
  },
  T5: {
    program: (recompute) => twoWayProgram(t5(encoderDecoder, { answers, recompute })),
    shared: true,
    feeds: {
      ...padded,
      answerTokens: { shape: [3, 2], data: Int32Array.of(0, 3, 0, 4, 0, 3) },
      answerIndex: { shape: [2], data: Int32Array.of(0, 1) },
    },
  },
};

async function resultOf(runtime: Runtime, one: Case, recompute: boolean): Promise<GradientResult> {
  const program = one.program(recompute);
  const values = initialValues(program, 1);
  // B of an adapter begins as zero.
  for (const [name, array] of Object.entries(values))
    if (name.endsWith("lora_B.weight")) array.forEach((_, i) => (array[i] = Math.sin(i) / 4));
  const options = one.trainable === undefined ? {} : { trainable: one.trainable };
  const run = await runtime.gradients(program, values, { ...options, seed: 2 });
  const result = await run.run(one.feeds);
  await run.dispose();
  return result;
}

for (const [name, one] of Object.entries(cases)) {
  test(`${name}: recomputed blocks have the same loss and gradients`, async () => {
    const reference = await resultOf(eagerRuntime("cpu"), one, false);
    const eager = await resultOf(eagerRuntime("cpu"), one, true);
    if (one.shared !== true) expect(eager).toEqual(reference);
    for (const { loss, gradients } of [eager, await resultOf(onnxRuntime({ threads: 1 }), one, true)]) {
      expect(loss).toBeCloseTo(reference.loss, 6);
      for (const [key, gradient] of Object.entries(reference.gradients)) {
        const scale = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const difference = gradient.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - gradients[key]![i]!)),
          0,
        );
        expect(difference, key).toBeLessThan(1e-5 * Math.max(scale, 1e-2));
      }
    }
  });
}
