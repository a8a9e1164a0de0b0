import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eagerRuntime, onnxRuntime, type Runtime, type ValueReader, type Values } from "@corella/engine";
import { createGenerator } from "@corella/random";
import { float32ToFloat16 } from "@corella/safetensors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decoder,
  decoderParams,
  loadPretrained,
  mergedReader,
  openPretrained,
  paddedFeeds,
  parseDecoderConfig,
  type OpenModel,
} from "../../index.ts";
import { blockTypes } from "./dequantize.ts";
import { int4Rows } from "./int4.ts";
import { ggufName } from "./tensor-names.ts";
import { writeGguf, type GgufTensorToWrite } from "./write-gguf.test-helper.ts";

// 4-bit files go into the precision int4 block by block, without being rounded once more.
const sizes = { hidden: 64, feedForward: 96, vocabulary: 40 };
const config = parseDecoderConfig(
  {
    model_type: "llama",
    vocab_size: sizes.vocabulary,
    hidden_size: sizes.hidden,
    intermediate_size: sizes.feedForward,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
    rms_norm_eps: Math.fround(1e-5),
    tie_word_embeddings: true,
  },
  "a test",
);
const random = createGenerator(4, "blocks");

/** Random blocks: scales of either sign, and a block of zeros; of Q4_1 with minima of so many steps. */
function blocks(count: number, steps?: () => number): Uint8Array {
  const bytes = steps === undefined ? 18 : 20;
  const data = Uint8Array.from({ length: count * bytes }, () => Math.floor(random.uniform() * 256));
  for (let block = 0; block < count; block++) {
    const [scale] = float32ToFloat16(Float32Array.of(block === 1 ? 0 : (random.uniform() - 0.5) / 16));
    const half = (value: number, at: number): void =>
      data.set([value & 255, value >>> 8], block * bytes + at);
    half(scale!, 0);
    if (steps === undefined) continue;
    const minimum = block === 1 ? 0 : -steps() * halfValue(scale!);
    half(float32ToFloat16(Float32Array.of(minimum))[0]!, 2);
  }
  return data;
}

function halfValue(bits: number): number {
  const out = new Float32Array(1);
  blockTypes[1]!.decode(Uint8Array.of(bits & 255, bits >>> 8), out);
  return out[0]!;
}

const typeOf = (name: string): "F32" | "Q4_0" | "whole" | "between" => {
  if (!name.includes("_proj.")) return "F32";
  if (name.includes("layers.1.mlp.gate")) return "between";
  return name.includes("up_proj") ? "whole" : "Q4_0";
};

let folder: string;
let model: OpenModel;
let values: Values;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-int4-"));
  const tensors: Record<string, GgufTensorToWrite> = {};
  for (const [name, { shape }] of Object.entries(decoderParams(config))) {
    const count = shape.reduce((product, size) => product * size, 1);
    const type = typeOf(name);
    if (type === "F32")
      tensors[ggufName(name)] = {
        shape,
        data: Float32Array.from({ length: count }, () => random.normal() / 2),
      };
    else if (type === "Q4_0") tensors[ggufName(name)] = { shape, type: 2, data: blocks(count / 32) };
    else {
      // Powers of two times the scale are float16 numbers again.
      const steps = type === "whole" ? () => [0, 1, 2, 4, 8][Math.floor(random.uniform() * 5)]! : () => 3.3;
      tensors[ggufName(name)] = { shape, type: 3, data: blocks(count / 32, steps) };
    }
  }
  const path = join(folder, "model.gguf");
  const metadata = {
    "general.architecture": "llama",
    "llama.embedding_length": sizes.hidden,
    "llama.feed_forward_length": sizes.feedForward,
    "llama.block_count": 2,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.context_length": 64,
    "llama.attention.layer_norm_rms_epsilon": { float: 1e-5 },
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": Array.from({ length: sizes.vocabulary }, (_, i) => String.fromCharCode(65 + i)),
    "tokenizer.ggml.token_type": Array.from({ length: sizes.vocabulary }, () => 1),
    "tokenizer.ggml.merges": [],
  };
  await writeGguf(path, { metadata, tensors });
  model = await openPretrained(path);
  ({ values } = await loadPretrained(path));
});
afterAll(async () => {
  await model.weights.close();
  await rm(folder, { recursive: true, force: true });
});

async function logitsOf(
  runtime: Runtime,
  weights: Values | ValueReader,
  precision: (name: string) => "float32" | "int4",
): Promise<number[]> {
  const part = decoder(model.config, { answers: { yes: 3, no: 9 } });
  const inference = await runtime.infer(
    { ...part, forward: (scope) => ({ outputs: { logits: part.forward(scope).logitsLast() } }) },
    weights,
    { precision },
  );
  const { logits } = await inference.run(
    paddedFeeds([
      [3, 30, 8, 2, 17],
      [5, 1],
    ]),
  );
  await inference.dispose();
  return Array.from(logits!.data);
}

const float32 = (): "float32" => "float32";
const int4 = (name: string): "float32" | "int4" =>
  ["Q4_0", "whole"].includes(typeOf(name)) ? "int4" : "float32";
const largest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

describe("rows of a matrix", () => {
  test("are the numbers of the file in blocks, in the decoder's order of rows", async () => {
    for (const [name, { shape }] of Object.entries(decoderParams(config))) {
      const reader = await model.weights.int4!(name);
      if (!["Q4_0", "whole"].includes(typeOf(name))) {
        expect(reader, name).toBeUndefined();
        continue;
      }
      const width = shape[1]!;
      for (const [begin, end] of [
        [0, shape[0]!],
        [5, 23],
      ] as const) {
        const { codes, scales, zeroPoints } = await reader!([begin, end]);
        const numbers = Float32Array.from({ length: (end - begin) * width }, (_, i) => {
          const block = i >> 5;
          return (((codes[i >> 1]! >> (4 * (i & 1))) & 15) - zeroPoints[block]!) * scales[block]! + 0;
        });
        const expected = values[name]!.slice(begin * width, end * width).map((value) => value + 0);
        expect(numbers, name).toEqual(expected);
      }
    }
  });

  test("a minimum between two steps, or beyond them, is not held", () => {
    const q41 = blockTypes[3]!;
    const one = (minimum: number): Uint8Array => {
      const bits = float32ToFloat16(Float32Array.of(0.5, minimum));
      return Uint8Array.from(
        [...bits].flatMap((half) => [half & 255, half >>> 8]).concat(Array(16).fill(0x53)),
      );
    };
    expect(int4Rows(q41, one(-7.5))!.zeroPoints).toEqual(Uint8Array.of(15));
    for (const minimum of [-0.75, -8, 0.5]) expect(int4Rows(q41, one(minimum))).toBeUndefined();
    expect(int4Rows(blockTypes[20]!, new Uint8Array(18))).toBeUndefined();
  });
});

test("without rounding of activations the scores are those of the dequantised file, to the bit", async () => {
  const runtime = eagerRuntime("cpu");
  const expected = await logitsOf(runtime, model.weights, float32);
  expect(await logitsOf(runtime, model.weights, int4)).toEqual(expected);
  // Dequantised and cut into steps again they are others.
  expect(largest(await logitsOf(runtime, values, int4), expected)).toBeGreaterThan(0.01);
});

test("onnxruntime differs by the rounding of activations alone", async () => {
  const runtime = onnxRuntime();
  const expected = await logitsOf(runtime, model.weights, float32);
  const own = largest(await logitsOf(runtime, model.weights, int4), expected);
  const again = largest(await logitsOf(runtime, values, int4), expected);
  expect(own).toBeGreaterThan(0);
  expect(own).toBeLessThan(again / 2);
  // An adapter of other modules leaves the blocks alone.
  const lora = { rank: 1, alpha: 1, targetModules: ["gate_proj"] as const };
  const adapter: Values = {};
  for (let layer = 0; layer < 2; layer++) {
    adapter[`model.layers.${layer}.mlp.gate_proj.lora_A.weight`] = new Float32Array(sizes.hidden);
    adapter[`model.layers.${layer}.mlp.gate_proj.lora_B.weight`] = new Float32Array(sizes.feedForward);
  }
  const { weights } = mergedReader(model.config, lora, adapter, model.weights);
  expect(await weights.int4!("model.layers.0.mlp.gate_proj.weight")).toBeUndefined();
  const withoutGate = (name: string): "float32" | "int4" => (name.includes("gate") ? "float32" : int4(name));
  expect(await logitsOf(runtime, weights, withoutGate)).toEqual(
    await logitsOf(runtime, model.weights, withoutGate),
  );
});
