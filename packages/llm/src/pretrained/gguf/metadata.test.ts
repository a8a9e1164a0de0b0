import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialValues } from "@corella/engine";
import { beforeAll, describe, expect, test } from "vitest";
import {
  decoderParams,
  loadPretrained,
  openPretrained,
  parseDecoderConfig,
  type TextTokenizer,
} from "../../index.ts";
import type { RopeConfig } from "../../config/rope.ts";
import { readGguf } from "../../gguf.ts";
import { ggufName } from "./tensor-names.ts";
import {
  writeGguf,
  type GgufTensorToWrite,
  type GgufToWrite,
  type MetadataToWrite,
} from "./write-gguf.test-helper.ts";

// Whatever a file says about the model is used, or refused by its name.
const sizes = {
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
};
const byArchitecture = (architecture: string, more: MetadataToWrite = {}): MetadataToWrite => ({
  "general.architecture": architecture,
  [`${architecture}.embedding_length`]: 16,
  [`${architecture}.feed_forward_length`]: 24,
  [`${architecture}.block_count`]: 2,
  [`${architecture}.attention.head_count`]: 2,
  [`${architecture}.attention.head_count_kv`]: 1,
  [`${architecture}.context_length`]: 64,
  [`${architecture}.attention.layer_norm_rms_epsilon`]: { float: 1e-5 },
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "gpt-2",
  "tokenizer.ggml.tokens": Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + i)),
  "tokenizer.ggml.merges": [],
  ...more,
});
const metadata = byArchitecture("llama");
const config = parseDecoderConfig(
  { model_type: "llama", ...sizes, rms_norm_eps: Math.fround(1e-5) },
  "a test",
);
const values = initialValues({ params: decoderParams(config), tables: {} }, 3);
const tensors: Record<string, GgufTensorToWrite> = Object.fromEntries(
  Object.entries(decoderParams(config)).map(([name, { shape }]) => [
    ggufName(name),
    { shape, data: values[name]! },
  ]),
);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-gguf-"));
});

async function opened(contents: Partial<GgufToWrite>, name = "model.gguf") {
  const path = join(folder, name);
  await writeGguf(path, { metadata, tensors, ...contents });
  const { weights, ...model } = await openPretrained(path);
  await weights.close();
  return model;
}
const ropeOf = async (
  fields: MetadataToWrite,
  more: Record<string, GgufTensorToWrite> = {},
): Promise<RopeConfig> =>
  (await opened({ metadata: { ...metadata, ...fields }, tensors: { ...tensors, ...more } })).config.rope;
const refused = (contents: Partial<GgufToWrite>, message: RegExp | string): Promise<void> =>
  expect(opened(contents)).rejects.toMatchObject({
    code: "llm/gguf",
    message: typeof message === "string" ? message : expect.stringMatching(message),
  });

describe("RoPE", () => {
  const linear = { kind: "linear", theta: 10_000, factor: 4 };
  const type = (name: string): MetadataToWrite => ({ "llama.rope.scaling.type": name });
  const factor: MetadataToWrite = { "llama.rope.scaling.factor": { float: 4 } };

  test("of a factor without a type is linear, also by the key's old name", async () => {
    expect(await ropeOf(factor)).toEqual(linear);
    expect(await ropeOf({ "llama.rope.scale_linear": { float: 4 } })).toEqual(linear);
    expect(await ropeOf({ ...type("linear"), "llama.rope.scale_linear": { float: 4 } })).toEqual(linear);
    // The new name counts where both are there; none and 1 scale nothing.
    expect(await ropeOf({ ...factor, "llama.rope.scale_linear": { float: 2 } })).toEqual(linear);
    const plain = { kind: "default", theta: 10_000 };
    expect(await ropeOf({ ...factor, ...type("none") })).toEqual(plain);
    for (const same of [0, 1])
      expect(await ropeOf({ "llama.rope.scale_linear": { float: same } })).toEqual(plain);
  });

  test("of YaRN multiplies its own factor on cosine and sine by the file's", async () => {
    const yarn = { ...type("yarn"), ...factor, "llama.rope.scaling.original_context_length": 16 };
    const own = 0.1 * Math.log(4) + 1;
    expect(await ropeOf(yarn)).toMatchObject({
      kind: "yarn",
      factor: 4,
      originalMaxPositions: 16,
      betaFast: 32,
    });
    const attention = async (fields: MetadataToWrite): Promise<unknown> =>
      ((await ropeOf({ ...yarn, ...fields })) as { attentionFactor: number }).attentionFactor;
    expect(await attention({})).toBeCloseTo(own, 9);
    expect(await attention({ "llama.rope.scaling.attn_factor": { float: 0.5 } })).toBeCloseTo(own / 2, 9);
    expect(await attention({ "llama.rope.scaling.yarn_attn_factor": { float: 0.5 } })).toBeCloseTo(
      own / 2,
      9,
    );
    const betas = {
      "llama.rope.scaling.yarn_beta_fast": { float: 8 },
      "llama.rope.scaling.yarn_beta_slow": { float: 2 },
    };
    expect(await ropeOf({ ...yarn, ...betas })).toMatchObject({ betaFast: 8, betaSlow: 2 });
    // Without a mix it is linear, as in llama.cpp.
    expect(await ropeOf({ ...yarn, "llama.rope.scaling.yarn_ext_factor": { float: 0 } })).toEqual(linear);
    await refused(
      { metadata: { ...metadata, ...yarn, "llama.rope.scaling.yarn_ext_factor": { float: 0.5 } } },
      /yarn_ext_factor 0\.5 is not supported/,
    );
    const multiplier = { "llama.rope.scaling.yarn_log_multiplier": { float: 0.5 } };
    await refused({ metadata: { ...metadata, ...yarn, ...multiplier } }, /yarn_log_multiplier \(0\.5\)/);
  });

  test("of any type may scale cosine and sine", async () => {
    const half = { "llama.rope.scaling.attn_factor": { float: 0.5 } };
    const table = (value: number): unknown => ({
      kind: "longrope",
      theta: 10_000,
      shortFactors: Array(4).fill(value),
      longFactors: Array(4).fill(value),
      attentionFactor: 0.5,
      originalMaxPositions: 64,
    });
    expect(await ropeOf({ ...factor, ...half })).toEqual(table(4));
    expect(await ropeOf(half)).toEqual(table(1));
  });

  test("of two tables is longrope", async () => {
    const factors = (value: number): GgufTensorToWrite => ({
      shape: [4],
      data: new Float32Array(4).fill(value),
    });
    const tables = { "rope_factors_short.weight": factors(2), "rope_factors_long.weight": factors(3) };
    expect(
      await ropeOf({ ...type("longrope"), "llama.rope.scaling.original_context_length": 16 }, tables),
    ).toEqual({
      kind: "longrope",
      theta: 10_000,
      shortFactors: [2, 2, 2, 2],
      longFactors: [3, 3, 3, 3],
      attentionFactor: 1,
      originalMaxPositions: 16,
    });
    await refused({ metadata: { ...metadata, ...type("longrope") } }, /longrope lacks rope_factors_short/);
  });

  test("of a part of each head is refused", async () => {
    const part = { "llama.rope.dimension_count": 4, "llama.attention.key_length": 8 };
    await refused(
      { metadata: { ...metadata, ...part } },
      "rope.dimension_count 4 beside heads of 8 is not supported.",
    );
    await refused(
      { metadata: { ...metadata, "llama.attention.key_length": 8, "llama.attention.value_length": 4 } },
      "attention.value_length 4 beside heads of 8 is not supported.",
    );
  });
});

describe("what we do not compute", () => {
  test.each<[string, MetadataToWrite[string], RegExp]>([
    ["llama.expert_count", 8, /llama\.expert_count \(8\)/],
    ["llama.logit_scale", { float: 0.25 }, /llama\.logit_scale \(0\.25\)/],
    ["llama.attention.clamp_kqv", { float: 8 }, /clamp_kqv \(8\)/],
    ["llama.attention.scale", { float: 0.5 }, /attention\.scale \(0\.5\)/],
    ["llama.something.new", "yes", /llama\.something\.new \("yes"\) says about the model/],
    ["llama.rope.dimension_sections", [2, 2], /dimension_sections \(a list\)/],
    ["general.type", "adapter", /holds no model but "adapter"/],
  ])("is refused by its name: %s", (key, value, message) =>
    refused({ metadata: { ...metadata, [key]: value } }, message),
  );

  test("is no matter where it changes nothing", async () => {
    const nothing = {
      "llama.expert_count": 0,
      "llama.logit_scale": { float: 1 },
      "llama.vocab_size": 40,
      "llama.rope.dimension_count": 8,
      "general.type": "model",
      "general.name": "A model",
      "quantize.imatrix.file": "a file",
    };
    expect((await opened({ metadata: { ...metadata, ...nothing } })).config).toEqual(config);
  });

  test("is refused as a tensor too", async () => {
    const extra = { shape: [16], data: new Float32Array(16) };
    for (const name of ["output.bias", "blk.0.ffn_gate_exps.weight", "blk.1.attn_q_norm.weight"])
      await refused(
        { tensors: { ...tensors, [name]: extra } },
        `What the tensor ${name} does in the model is not supported.`,
      );
    await opened({ tensors: { ...tensors, "blk.0.attn_rot_embd": extra } });
  });

  test("lists of head counts that differ are refused, others are one number", async () => {
    const counts = (list: number[]): MetadataToWrite => ({
      ...metadata,
      "llama.attention.head_count_kv": list,
    });
    expect((await opened({ metadata: counts([1, 1]) })).config).toEqual(config);
    await refused(
      { metadata: counts([1, 2]) },
      "llama.attention.head_count_kv differs between layers (1, 2), which is not supported.",
    );
  });
});

test("a Llama with a window is a Mistral", async () => {
  const model = await opened({ metadata: { ...metadata, "llama.attention.sliding_window": 8 } });
  expect(model.config).toMatchObject({
    architecture: "mistral",
    sliding: { window: 8, layers: [true, true] },
  });
  expect((await opened({ metadata: { ...metadata, "llama.attention.sliding_window": 64 } })).config).toEqual(
    config,
  );
});

test("Gemma 3: names of its own, norms without their 1", async () => {
  const fields = {
    ...sizes,
    model_type: "gemma3_text",
    head_dim: 8,
    query_pre_attn_scalar: 8,
    sliding_window: 6,
    rms_norm_eps: Math.fround(1e-5),
    rope_theta: 1e6,
    rope_scaling: { rope_type: "linear", factor: 8 },
  };
  const gemma = parseDecoderConfig(fields, "a test");
  const weights = initialValues({ params: decoderParams(gemma), tables: {} }, 3);
  const stored = Object.entries(decoderParams(gemma)).map(
    ([name, { shape }]): [string, GgufTensorToWrite] => [
      ggufName(name, "gemma3"),
      { shape, data: name.endsWith("norm.weight") ? weights[name]!.map((w) => w + 1) : weights[name]! },
    ],
  );
  expect(stored.map(([name]) => name)).toContain("blk.1.post_ffw_norm.weight");
  const path = join(folder, "gemma.gguf");
  const more = {
    "gemma3.attention.key_length": 8,
    "gemma3.attention.value_length": 8,
    "gemma3.attention.sliding_window": 6,
    "gemma3.rope.freq_base": { float: 1e6 },
    "gemma3.rope.scaling.type": "linear",
    "gemma3.rope.scaling.factor": { float: 8 },
  };
  await writeGguf(path, { metadata: byArchitecture("gemma3", more), tensors: Object.fromEntries(stored) });
  const loaded = await loadPretrained(path);
  expect(loaded.config).toEqual(gemma);
  expect(loaded.values).toEqual(weights);
});

describe("a model in several files", () => {
  const part = (no: number, count: number, total = Object.keys(tensors).length): MetadataToWrite => ({
    "split.no": no,
    "split.count": count,
    "split.tensors.count": total,
  });
  const split = async (name: string, second: MetadataToWrite | undefined): Promise<string> => {
    const all = Object.entries(tensors);
    const path = join(folder, `${name}-00001-of-00002.gguf`);
    const halves = [all.slice(0, 5), all.slice(5)].map((half) => Object.fromEntries(half));
    await writeGguf(path, { metadata: { ...metadata, ...part(0, 2) }, tensors: halves[0]! });
    if (second !== undefined)
      await writeGguf(path.replace("-00001-", "-00002-"), { metadata: second, tensors: halves[1]! });
    return path;
  };

  test("is read through the first one", async () => {
    const path = await split("whole", part(1, 2));
    const whole = join(folder, "one.gguf");
    await writeGguf(whole, { metadata, tensors });
    expect((await loadPretrained(path)).values).toEqual((await loadPretrained(whole)).values);
    const names: string[] = [];
    for await (const { name } of readGguf(path)) names.push(name);
    expect(names).toEqual(Object.keys(tensors));
  });

  test("says which one is missing, or not the first", async () => {
    await expect(loadPretrained(await split("missing", undefined))).rejects.toMatchObject({
      code: "llm/missing-shard",
      message: expect.stringContaining("missing-00002-of-00002.gguf is not there"),
    });
    const second = (await split("second", part(1, 2))).replace("-00001-", "-00002-");
    await expect(loadPretrained(second)).rejects.toThrow(/part 2 of 2; open the first one/);
    await expect(loadPretrained(await split("other", part(1, 3)))).rejects.toThrow(
      /does not say that it is part 2 of 2/,
    );
    const renamed = join(folder, "renamed.gguf");
    await writeGguf(renamed, { metadata: { ...metadata, ...part(0, 2) }, tensors });
    await expect(loadPretrained(renamed)).rejects.toThrow(/which its name must tell: …-00001-of-00002\.gguf/);
  });
});

describe("the vocabulary", () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz<|>_/ĠY"];
  const tokens = [...letters, "im", "<|im_end|>", "<s>", "</s>", "<x>"];
  const types = tokens.map((token) => (token === "<s>" || token === "</s>" ? 3 : token === "<x>" ? 4 : 1));
  const byteLevel: MetadataToWrite = {
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": types,
    "tokenizer.ggml.merges": ["i m"],
    "tokenizer.ggml.bos_token_id": tokens.indexOf("<s>"),
    "tokenizer.ggml.eos_token_id": tokens.indexOf("</s>"),
  };
  const tokenizerOf = async (fields: MetadataToWrite): Promise<TextTokenizer> =>
    (await opened({ metadata: { ...metadata, ...byteLevel, ...fields } })).tokenizer!;
  const encoded = async (fields: MetadataToWrite, text: string): Promise<string[]> => {
    const tokenizer = await tokenizerOf(fields);
    return (await tokenizer.encode(text)).map((id) => tokenizer.tokenOf(id)!);
  };
  const without = (key: string): GgufToWrite["metadata"] =>
    Object.fromEntries(Object.entries({ ...metadata, ...byteLevel }).filter(([name]) => name !== key));

  test("needs its merges", async () => {
    await refused(
      { metadata: without("tokenizer.ggml.merges") },
      "The metadata lacks tokenizer.ggml.merges.",
    );
    await refused(
      { metadata: { ...metadata, ...byteLevel, "tokenizer.ggml.merges": [] } },
      /lacks tokenizer\.ggml\.merges/,
    );
  });

  test("says nothing that nobody reads", async () => {
    for (const [key, value] of Object.entries({
      precompiled_charsmap: [5, 6],
      remove_extra_whitespaces: true,
      "normalizer.lowercase": true,
    }))
      await refused(
        { metadata: { ...metadata, ...byteLevel, [`tokenizer.ggml.${key}`]: value } },
        `What tokenizer.ggml.${key} says about the tokenizer is not supported.`,
      );
    const off = {
      precompiled_charsmap: [],
      remove_extra_whitespaces: false,
      eot_token_id: 5,
      token_type_count: 0,
    };
    const fields = Object.entries(off).map(([key, value]) => [`tokenizer.ggml.${key}`, value]);
    expect(await encoded(Object.fromEntries(fields) as MetadataToWrite, "im")).toEqual(["im"]);
  });

  test("has distinct tokens, no more than the model embeds", async () => {
    await refused(
      { metadata: { ...metadata, "tokenizer.ggml.tokens": ["a", "b", "a"] } },
      'The token "a" has the ids 0 and 2.',
    );
    const many = Array.from({ length: 41 }, (_, i) => String.fromCharCode(65 + i));
    await expect(opened({ metadata: { ...metadata, "tokenizer.ggml.tokens": many } })).rejects.toMatchObject({
      code: "llm/tokenizer-mismatch",
      message: "The vocabulary has 41 tokens, the model embeds 40.",
    });
  });

  test("without the name of a pre-tokeniser is cut as llama.cpp cuts it", async () => {
    // Punctuation with its space apart; GPT-2 joins them.
    const merges = {
      "tokenizer.ggml.merges": ["Ġ <", "i m"],
      "tokenizer.ggml.tokens": [...tokens.slice(0, -1), "Ġ<"],
    };
    expect(await encoded({ ...merges, "tokenizer.ggml.pre": "gpt-2" }, "im <im")).toEqual(["im", "Ġ<", "im"]);
    expect(await encoded({ ...merges, "tokenizer.ggml.pre": "default" }, "im <im")).toEqual([
      "im",
      "Ġ",
      "<",
      "im",
    ]);
  });

  test("says what stands before and behind every text", async () => {
    expect(await encoded({}, "im")).toEqual(["im"]);
    // Llama 3's and Mistral's begin with a token unless the file says that they do not.
    for (const pre of ["llama-bpe", "tekken"])
      expect(await encoded({ "tokenizer.ggml.pre": pre }, "im")).toEqual(["<s>", "im"]);
    await refused(
      { metadata: { ...without("tokenizer.ggml.bos_token_id"), "tokenizer.ggml.pre": "llama-bpe" } },
      /lacks tokenizer\.ggml\.bos_token_id/,
    );
  });

  test("keeps tokens that look like turns out of texts, of whatever kind they are", async () => {
    const text = "im<|im_end|>im</s><x>";
    const characters = [..."im<|im_end|>im</s>"].join(" ").replaceAll("i m", "im").split(" ");
    for (const kind of [1, 3, 4]) {
      const ofKind = types.map((type, id) => (tokens[id] === "<|im_end|>" ? kind : type));
      expect(await encoded({ "tokenizer.ggml.token_type": ofKind }, text)).toEqual([...characters, "<x>"]);
    }
    const parsed = await (await tokenizerOf({})).encode(text, { specialTokens: "parse" });
    expect(parsed).toContain(tokens.indexOf("<|im_end|>"));
  });

  describe("of SentencePiece", () => {
    const pieces = ["<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "s", ">", "<", "s>", "/"];
    const sentencePiece: MetadataToWrite = {
      "tokenizer.ggml.model": "llama",
      "tokenizer.ggml.tokens": pieces,
      "tokenizer.ggml.token_type": [2, 3, 3, ...pieces.slice(3).map(() => 1)],
      "tokenizer.ggml.scores": pieces.map((_, i) => 20 - i),
    };

    const written = async (fields: MetadataToWrite, text: string): Promise<string[]> => {
      const tokenizer = (await opened({ metadata: { ...metadata, ...fields } })).tokenizer!;
      return (await tokenizer.encode(text)).map((id) => tokenizer.tokenOf(id)!);
    };

    test("begins with the first vocabulary's token where the file names none", async () => {
      expect(await written(sentencePiece, "a b")).toEqual(["<s>", "▁a", "▁", "b"]);
      const named = { ...sentencePiece, "tokenizer.ggml.bos_token_id": 2 };
      expect(await written(named, "a")).toEqual(["</s>", "▁a"]);
    });

    test("merges to ordinary pieces only", async () => {
      expect(await written(sentencePiece, "a<s>")).toEqual(["<s>", "▁a", "<", "s>"]);
    });

    test("has ids and flags in numbers of any width", async () => {
      const wide = { ...sentencePiece, "tokenizer.ggml.bos_token_id": 2n };
      expect(await written(wide, "a")).toEqual(["</s>", "▁a"]);
      for (const off of [0, 0n, false])
        expect(
          await written(
            { ...wide, "tokenizer.ggml.add_bos_token": off, "tokenizer.ggml.add_space_prefix": off },
            "a",
          ),
        ).toEqual(["a"]);
      for (const on of [1, 1n, true])
        expect(
          await written(
            { ...wide, "tokenizer.ggml.add_bos_token": on, "tokenizer.ggml.add_eos_token": on },
            "a",
          ),
        ).toEqual(["</s>", "▁a", "</s>"]);
      await refused(
        { metadata: { ...metadata, ...wide, "tokenizer.ggml.add_bos_token": "yes" } },
        "tokenizer.ggml.add_bos_token is neither true nor false.",
      );
      await refused(
        { metadata: { ...metadata, ...wide, "tokenizer.ggml.bos_token_id": { float: 1.5 } } },
        "tokenizer.ggml.bos_token_id is no token's id.",
      );
    });

    test("needs its scores", async () => {
      const short = { ...sentencePiece, "tokenizer.ggml.scores": [0, 0] };
      await refused({ metadata: { ...metadata, ...short } }, /scores of 2 of 12 tokens/);
    });
  });
});

test("a key or a tensor that is there twice is refused", async () => {
  const path = join(folder, "twice.gguf");
  const names = { key: "llama.block_count", tensor: "blk.0.attn_q.weight" };
  const bytes = await writeGguf(path, {
    metadata: { ...metadata, "llama.block_cound": 1 },
    tensors: { ...tensors, "blk.0.attn_r.weight": { shape: [16, 16], data: new Float32Array(256) } },
  });
  const changed = async (from: string, to: string): Promise<unknown> => {
    const copy = Buffer.from(bytes);
    copy.write(to, copy.indexOf(from));
    await writeFile(path, copy);
    return openPretrained(path);
  };
  await expect(changed("llama.block_cound", names.key)).rejects.toMatchObject({
    code: "llm/gguf",
    message: "The metadata has llama.block_count twice.",
  });
  await expect(changed("blk.0.attn_r.weight", names.tensor)).rejects.toMatchObject({
    code: "llm/gguf",
    message: "The tensor blk.0.attn_q.weight is in the file twice.",
  });
});
