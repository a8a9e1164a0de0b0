import { mkdtemp, truncate, writeFile, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialValues, type Values } from "@corella/engine";
import { beforeAll, describe, expect, test } from "vitest";
import { ropeFrequencies } from "../../operations/rope.ts";
import {
  decoderParams,
  loadPretrained,
  openPretrained,
  parseDecoderConfig,
  savePretrained,
  toHuggingFace,
  type DecoderConfig,
} from "../../index.ts";
import { readBytes, readGgufHeader } from "./header.ts";
import { ggufName } from "./tensor-names.ts";
import { writeGguf, type GgufTensorToWrite, type GgufToWrite } from "./write-gguf.test-helper.ts";

// Heads of 16, so that a table has eight factors.
const huggingFace = {
  model_type: "llama",
  vocab_size: 32,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 131_072,
  rms_norm_eps: Math.fround(1e-5),
  rope_theta: 500_000,
  tie_word_embeddings: true,
};
const config = parseDecoderConfig(huggingFace, "a test");
const values = initialValues({ params: decoderParams(config), tables: {} }, 3);
const metadata: GgufToWrite["metadata"] = {
  "general.architecture": "llama",
  "llama.embedding_length": 32,
  "llama.feed_forward_length": 64,
  "llama.block_count": 1,
  "llama.attention.head_count": 2,
  "llama.attention.head_count_kv": 1,
  "llama.context_length": 131_072,
  "llama.attention.layer_norm_rms_epsilon": { float: 1e-5 },
  "llama.rope.freq_base": { float: 500_000 },
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "gpt-2",
  "tokenizer.ggml.tokens": Array.from({ length: 32 }, (_, i) => String.fromCharCode(65 + i)),
  "tokenizer.ggml.token_type": Array.from({ length: 32 }, () => 1),
  "tokenizer.ggml.merges": [],
};

/** Rows of q and k as llama.cpp's converter orders them: the halves of each head by turns. */
function interleaved(name: string, data: Float32Array): Float32Array {
  if (!/\.[qk]_proj\./.test(name)) return data;
  const { headDim, hiddenSize: width } = config;
  const result = new Float32Array(data.length);
  for (let row = 0; row < data.length / width; row++) {
    const within = row % headDim;
    const to = row - within + 2 * (within % (headDim / 2)) + Math.floor(within / (headDim / 2));
    result.set(data.subarray(row * width, (row + 1) * width), to * width);
  }
  return result;
}

const tensors: Record<string, GgufTensorToWrite> = Object.fromEntries(
  Object.entries(decoderParams(config)).map(([name, { shape }]) => [
    ggufName(name),
    { shape, data: interleaved(name, values[name]!) },
  ]),
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-gguf-"));
});

async function loaded(contents: Partial<GgufToWrite>): Promise<{ config: DecoderConfig; values: Values }> {
  const path = join(folder, "model.gguf");
  await writeGguf(path, { metadata, tensors, ...contents });
  return loadPretrained(path);
}

test("weights come back by Hugging Face's names and in its order, also row by row", async () => {
  const path = join(folder, "rows.gguf");
  await writeGguf(path, { metadata, tensors });
  expect((await loadPretrained(path)).values).toEqual(values);
  const { weights } = await openPretrained(path);
  const name = "model.layers.0.self_attn.q_proj.weight";
  // Within a head, and across two.
  for (const [begin, end] of [
    [3, 5],
    [12, 20],
  ] as const)
    expect(await weights.read(name, [begin, end])).toEqual(values[name]!.slice(begin * 32, end * 32));
  await weights.close();
});

describe("RoPE by a table of factors", () => {
  // convert_hf_to_gguf.py of llama.cpp, for the published Llama 3.1: lengths of waves in positions.
  const llama31 = Float32Array.from({ length: 8 }, (_, i) => {
    const wave = 2 * Math.PI * 500_000 ** (i / 8);
    if (wave < 8192 / 4) return 1;
    if (wave > 8192) return 8;
    const smooth = (8192 / wave - 1) / 3;
    return 1 / ((1 - smooth) / 8 + smooth);
  });
  const withTable = (factors: Float32Array): Partial<GgufToWrite> => ({
    tensors: { ...tensors, "rope_freqs.weight": { shape: [factors.length], data: factors } },
  });

  const llama3Fields = {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };

  test("that of Llama 3.1 gets its name back", async () => {
    // Kept, interpolated and stretched.
    expect(Array.from(llama31).slice(3, 6)).toEqual([1, expect.closeTo(2.6945, 4), 8]);
    const published = { ...huggingFace, rope_scaling: llama3Fields };
    expect((await loaded(withTable(llama31))).config).toEqual(parseDecoderConfig(published, "a test"));
  });

  test("any other is used as it is, and written for Hugging Face", async () => {
    const factors = Float32Array.of(1, 1, 1, 2, 3, 5, 8, 8);
    const model = await loaded(withTable(factors));
    const { frequencies } = ropeFrequencies(model.config.rope, config.headDim);
    frequencies.forEach((frequency, i) =>
      expect(frequency).toBeCloseTo(500_000 ** (-i / 8) / factors[i]!, 7),
    );
    await savePretrained(join(folder, "saved"), model.config, model.values);
    expect((await loadPretrained(join(folder, "saved"))).config).toEqual(model.config);
    expect(toHuggingFace(model.config)).toMatchObject({
      rope_scaling: { rope_type: "longrope", short_factor: [...factors], long_factor: [...factors] },
    });
  });

  test("what does not fit is refused", async () => {
    await expect(loaded(withTable(new Float32Array(4).fill(1)))).rejects.toMatchObject({
      code: "llm/tensor-shape",
      message: "rope_freqs.weight has 4 factors, heads of 16 want 8.",
    });
    await expect(loaded(withTable(new Float32Array(8)))).rejects.toThrow(/not all positive/);
    const yarn = { "llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": { float: 4 } };
    await expect(loaded({ metadata: { ...metadata, ...yarn }, ...withTable(llama31) })).rejects.toMatchObject(
      { code: "llm/gguf", message: expect.stringContaining("both of type yarn") },
    );
  });
});

describe("damaged files", () => {
  const norm = tensors["output_norm.weight"]!;
  const without = (key: string): Partial<GgufToWrite> => ({
    metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== key)),
  });

  test.each<[string, Partial<GgufToWrite>, string, RegExp]>([
    ["another kind of file", { magic: "GGML" }, "llm/gguf", /^The file is not GGUF/],
    ["version", { version: 1 }, "llm/gguf", /^GGUF version 1 is not supported/],
    [
      "architecture",
      { metadata: { ...metadata, "general.architecture": "mamba" } },
      "llm/gguf",
      /^The architecture "mamba" is not read from GGUF/,
    ],
    ["no architecture", without("general.architecture"), "llm/gguf", /lacks general\.architecture/],
    ...["embedding_length", "feed_forward_length", "block_count", "context_length"].map(
      (key): [string, Partial<GgufToWrite>, string, RegExp] => [
        `no ${key}`,
        without(`llama.${key}`),
        "llm/gguf",
        new RegExp(`lacks llama\\.${key}`),
      ],
    ),
    ["no heads", without("llama.attention.head_count"), "llm/gguf", /lacks llama\.attention\.head_count/],
    [
      "no epsilon",
      without("llama.attention.layer_norm_rms_epsilon"),
      "llm/gguf",
      /lacks llama\.attention\.layer_norm_rms_epsilon/,
    ],
    [
      "a head that does not divide",
      { metadata: { ...metadata, "llama.attention.head_count_kv": 3 } },
      "llm/config",
      /3 do not divide 2/,
    ],
    [
      "alignment",
      { metadata: { ...metadata, "general.alignment": 0 } },
      "llm/gguf",
      /^The alignment 0 of the tensors/,
    ],
    ["no vocabulary", without("tokenizer.ggml.tokens"), "llm/gguf", /lacks tokenizer\.ggml\.tokens/],
    [
      "tokenizer",
      { metadata: { ...metadata, "tokenizer.ggml.model": "bert" } },
      "llm/gguf",
      /^The tokenizer model "bert" is not supported/,
    ],
    [
      "pre-tokeniser",
      { metadata: { ...metadata, "tokenizer.ggml.pre": "kimi-k2" } },
      "llm/gguf",
      /pre-tokeniser "kimi-k2" is not supported/,
    ],
    [
      "a type of tensor that we lack",
      { tensors: { ...tensors, "output_norm.weight": { ...norm, type: 16 } } },
      "llm/gguf",
      /output_norm\.weight has the type IQ2_XXS; those that are read are F32, .*Q6_K/,
    ],
    [
      "a type of tensor that nobody knows",
      { tensors: { ...tensors, "output_norm.weight": { ...norm, type: 99 } } },
      "llm/gguf",
      /output_norm\.weight has the type number 99/,
    ],
    [
      "rows that are not whole blocks",
      { tensors: { ...tensors, "output_norm.weight": { ...norm, type: 12 } } },
      "llm/gguf",
      /^The rows of output_norm\.weight are not whole Q4_K blocks/,
    ],
    [
      "a missing tensor",
      { tensors: { "output_norm.weight": norm, "token_embd.weight": tensors["token_embd.weight"]! } },
      "llm/missing-tensor",
      /^The tensor blk\.0\.attn_q\.weight is missing/,
    ],
    [
      "a wrong shape",
      { tensors: { ...tensors, "output_norm.weight": { shape: [31], data: norm.data } } },
      "llm/tensor-shape",
      /^output_norm\.weight has shape \[31\], the metadata wants \[32\]/,
    ],
  ])("%s", async (_, contents, code, message) => {
    await expect(loaded(contents)).rejects.toMatchObject({
      code,
      place: join(folder, "model.gguf"),
      message: expect.stringMatching(message),
    });
  });

  test("cut short anywhere, the file says where it ends", async () => {
    const path = join(folder, "cut.gguf");
    const bytes = await writeGguf(path, { metadata, tensors });
    const cutTo = async (length: number): Promise<string> => {
      await writeFile(path, bytes.subarray(0, length));
      const error: unknown = await loadPretrained(path).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "llm/gguf", place: path });
      return (error as Error).message;
    };
    const header = bytes.indexOf("rope.freq_base");
    for (const length of [0, 3, 4, 10, 20, 30, header, header + 20])
      expect(await cutTo(length)).toBe("The file ends inside its header.");
    for (const missing of [1, 200, 20_000])
      expect(await cutTo(bytes.length - missing)).toMatch(/^The file ends inside the tensor /);
  });

  test("a header that claims more than there is, however long the file", async () => {
    const path = join(folder, "claims.gguf");
    const bytes = await writeGguf(path, { metadata: { "general.architecture": "llama" }, tensors: {} });
    // Magic, version and two counts come before the key's length.
    bytes.writeBigUInt64LE(2n ** 40n, 4 + 4 + 8 + 8);
    await writeFile(path, bytes);
    await truncate(path, 4 * 2 ** 20 + 1000);
    const damaged = { code: "llm/gguf", place: path, message: "The file ends inside its header." };
    await expect(loadPretrained(path)).rejects.toMatchObject(damaged);
    /** As Node reads a file of 3 GiB. */
    const long = {
      stat: () => ({ size: 3 * 2 ** 30 }),
      read(into: Uint8Array, offset: number, length: number, position: number) {
        if (length >= 2 ** 31) throw new RangeError("length");
        if (position === 0) into.set(bytes, offset);
        return { bytesRead: length };
      },
    };
    await expect(readGgufHeader(long as unknown as FileHandle, path)).rejects.toMatchObject(damaged);
  });

  test("a value of unknown type in the metadata", async () => {
    const path = join(folder, "unknown.gguf");
    const bytes = await writeGguf(path, { metadata: { "general.architecture": "llama" }, tensors: {} });
    // Magic, version, two counts, the key's length and the key come before the type.
    bytes.writeUInt32LE(77, 4 + 4 + 8 + 8 + 8 + "general.architecture".length);
    await writeFile(path, bytes);
    await expect(loadPretrained(path)).rejects.toMatchObject({
      code: "llm/gguf",
      message: "The metadata has a value of unknown type 77.",
    });
  });

  test("a file that is not there", async () => {
    await expect(loadPretrained(join(folder, "absent.gguf"))).rejects.toMatchObject({
      code: "llm/unreadable",
    });
  });
});

test("bytes come in as many reads as the system needs, up to the end of the file", async () => {
  const content = Uint8Array.from({ length: 20 }, (_, i) => i);
  /** Gives at most three bytes a call. */
  const read = (bytes: Uint8Array, offset: number, length: number, position: number): object => {
    const part = content.subarray(position, position + Math.min(length, 3));
    bytes.set(part, offset);
    return { bytesRead: part.length };
  };
  const file = { read } as unknown as FileHandle;
  const bytes = new Uint8Array(10);
  expect(await readBytes(file, bytes, 4)).toBe(10);
  expect(bytes).toEqual(content.slice(4, 14));
  expect(await readBytes(file, bytes, 15)).toBe(5);
  expect(bytes.slice(0, 5)).toEqual(content.slice(15));
});
