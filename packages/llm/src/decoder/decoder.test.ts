import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialValues, onnxRuntime, type ValueReader, type Values } from "@corella/engine";
import { float32Tensor, writeSafetensors } from "@corella/safetensors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  batchSequences,
  chunkBatch,
  createScorer,
  decoder,
  isLoraParam,
  languageModelProgram,
  loadAdapter,
  decoderParams,
  loadPretrained,
  mergeAdapter,
  mergedReader,
  openPretrained,
  packDocuments,
  parseDecoderConfig,
  saveAdapter,
  savePretrained,
  tinyLlamaConfig,
  toHuggingFace,
  trainTokenizer,
  twoWayProgram,
  yesNoIds,
  type DecoderConfig,
  type LoraConfig,
  type TextTokenizer,
  type YesNoIds,
} from "../index.ts";

const config: DecoderConfig = tinyLlamaConfig({
  vocabularySize: 300,
  hiddenSize: 16,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  maxPositions: 64,
});
const lora: LoraConfig = { rank: 2, alpha: 4, dropout: 0.25, targetModules: ["q_proj", "up_proj"] };
const runtime = onnxRuntime();
const prompts = Array.from(
  { length: 9 },
  (_, i) => `${"The Silent Orchard, ".repeat(i % 3)}Paper Harbor ${i}. Answer: `,
);
let folder: string;
let tokenizer: TextTokenizer;
let answers: YesNoIds;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-llm-"));
  tokenizer = await trainTokenizer([...prompts, " Yes No Yes No"], { vocabularySize: 300 });
  answers = await yesNoIds(tokenizer, prompts[0]!);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function valuesWithAdapter(): Values {
  const values = initialValues(decoder(config, { answers, lora }), 3);
  // An adapter that does something: B begins as zero.
  for (const name of Object.keys(values))
    if (name.endsWith("lora_B.weight")) values[name]!.forEach((_, i, array) => (array[i] = Math.sin(i) / 4));
  return values;
}

describe("weights", () => {
  test("a saved model is loaded again, with its configuration and tokenizer", async () => {
    const values = initialValues(decoder(config, { answers }), 3);
    const path = join(folder, "model");
    await savePretrained(path, config, values, tokenizer);
    const loaded = await loadPretrained(path);
    expect(loaded.config).toEqual(config);
    expect(loaded.values).toEqual(values);
    expect(loaded.tokenizer!.json).toBe(tokenizer.json);
  });

  test("an open model reads whole arrays or rows, and is scored without being loaded", async () => {
    const values = initialValues(decoder(config, { answers }), 3);
    const path = join(folder, "open-model");
    await savePretrained(path, config, values, tokenizer);
    const { weights } = await openPretrained(path);
    const name = "model.layers.0.self_attn.k_proj.weight";
    expect(await weights.read(name)).toEqual(values[name]);
    expect(await weights.read(name, [2, 5])).toEqual(values[name]!.slice(2 * 16, 5 * 16));
    for (const precision of ["float32", "int8"] as const) {
      const options = { config, tokenizer, answers, runtime, precision: () => precision };
      const read = await createScorer({ ...options, values: weights });
      const loaded = await createScorer({ ...options, values });
      expect(await read.score(prompts)).toEqual(await loaded.score(prompts));
      await read.dispose();
      await loaded.dispose();
    }
    await weights.close();
  });

  test("a saved adapter is loaded again", async () => {
    const values = valuesWithAdapter();
    const path = join(folder, "adapter");
    await saveAdapter(path, { config, lora, values, baseModel: "../model" });
    const loaded = await loadAdapter(path, config);
    expect(loaded.lora).toEqual({ ...lora, rsLora: false });
    const own = Object.entries(values).filter(([name]) => isLoraParam(name));
    expect(loaded.values).toEqual(Object.fromEntries(own));
    for (const other of [
      { ...config, layers: 3 },
      { ...config, hiddenSize: 8 },
    ])
      await expect(loadAdapter(path, other)).rejects.toMatchObject({
        code: "llm/adapter-base",
        remedy: "Use it with the model that it was trained on, which it names ../model.",
      });
  });

  test("missing and misshapen tensors are named", async () => {
    const path = join(folder, "damaged");
    const values = initialValues(decoder(config, { answers }), 3);
    await savePretrained(path, config, values);
    await writeFile(join(path, "config.json"), JSON.stringify({ ...toHuggingFace(config), vocab_size: 301 }));
    await expect(loadPretrained(path)).rejects.toThrow(/embed_tokens.weight has shape \[300, 16\]/);
    await writeFile(join(path, "config.json"), JSON.stringify(toHuggingFace({ ...config, layers: 3 })));
    await expect(loadPretrained(path)).rejects.toThrow(/9 tensors are missing: model.layers.2/);
    await writeSafetensors(join(path, "model.safetensors"), {
      "transformer.wte.weight": float32Tensor([1], new Float32Array(1)),
    });
    await expect(loadPretrained(path)).rejects.toMatchObject({ code: "llm/missing-tensor" });
  });

  test("weights that end early and a tokenizer of another model are named", async () => {
    const path = join(folder, "cut");
    await savePretrained(path, config, initialValues(decoder(config, { answers }), 3), tokenizer);
    const weights = join(path, "model.safetensors");
    const whole = await readFile(weights);
    await writeFile(weights, whole.subarray(0, whole.length - 100));
    await expect(loadPretrained(path)).rejects.toMatchObject({
      code: expect.stringMatching(/^safetensors\//),
      place: expect.stringContaining(weights),
    });
    await writeFile(weights, "no weights at all");
    await expect(loadPretrained(path)).rejects.toMatchObject({
      code: expect.stringMatching(/^safetensors\//),
    });
    await writeFile(weights, whole);
    const larger = await trainTokenizer([...prompts, "words that make a larger vocabulary"], {
      vocabularySize: 320,
    });
    await writeFile(join(path, "tokenizer.json"), larger.json);
    await expect(loadPretrained(path)).rejects.toMatchObject({ code: "llm/tokenizer-mismatch", place: path });
  });

  test("missing weights and shards are named", async () => {
    const path = join(folder, "shards");
    await savePretrained(path, config, initialValues(decoder(config, { answers }), 3));
    await rm(join(path, "model.safetensors"));
    await expect(loadPretrained(path)).rejects.toMatchObject({ code: "llm/no-weights" });
    const index = { weight_map: { "model.norm.weight": "model-00001-of-00002.safetensors" } };
    await writeFile(join(path, "model.safetensors.index.json"), JSON.stringify(index));
    await expect(loadPretrained(path)).rejects.toThrow(
      /model-00001-of-00002.safetensors, which is not there/,
    );
  });

  test("an architecture that we lack is named", () => {
    expect(() => parseDecoderConfig({ ...toHuggingFace(config), model_type: "gpt2" }, "config.json")).toThrow(
      /"gpt2" is not supported/,
    );
    expect(() =>
      parseDecoderConfig(
        { ...toHuggingFace(config), rope_parameters: { rope_type: "spiral", factor: 2 } },
        "",
      ),
    ).toThrow(/spiral is not supported/);
  });
});

describe("scoring", () => {
  test("adapted and merged models agree, in any batching, in the prompts' order", async () => {
    const values = valuesWithAdapter();
    const adapted = await createScorer({ config, values, lora, tokenizer, answers, runtime });
    const merged = await createScorer({
      config,
      values: mergeAdapter(config, lora, values).values,
      tokenizer,
      answers,
      runtime,
      tokenBudget: 40,
    });
    const a = await adapted.scores(prompts);
    const b = await merged.score(prompts);
    expect(a.cut).toBe(0);
    prompts.forEach((_, i) => {
      expect(b[i]).toBeCloseTo(a.probability[i]!, 5);
      expect(a.probability[i]).toBeCloseTo(1 / (1 + Math.exp(-a.logitDifference[i]!)), 6);
    });
    const one = await adapted.score([prompts[7]!]);
    expect(one[0]).toBeCloseTo(a.probability[7]!, 5);
    await adapted.dispose();
    await merged.dispose();
  });

  test("weights merged as they are read are those merged in memory", async () => {
    const values = valuesWithAdapter();
    const rowsOf: ValueReader = {
      async read(name, rows) {
        const width = values[name]!.length / decoderParams(config)[name]!.shape[0]!;
        return rows === undefined ? values[name]! : values[name]!.slice(rows[0] * width, rows[1] * width);
      },
    };
    const { weights: reader } = mergedReader(config, lora, values, rowsOf);
    const { values: merged } = mergeAdapter(config, lora, values);
    for (const [name, { shape }] of Object.entries(decoderParams(config))) {
      expect(await reader.read(name)).toEqual(merged[name]);
      const width = merged[name]!.length / shape[0]!;
      expect(await reader.read(name, [3, 7])).toEqual(merged[name]!.slice(3 * width, 7 * width));
    }
  });

  test("obeys an abort signal and refuses prompts that are too long", async () => {
    const values = initialValues(decoder(config, { answers }), 3);
    const scorer = await createScorer({ config, values, tokenizer, answers, runtime });
    await expect(scorer.score(prompts, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    const long = "Paper Harbor ".repeat(60);
    await expect(scorer.score([prompts[0]!, long])).rejects.toMatchObject({
      code: "llm/prompt-too-long",
      place: "prompt 1",
    });
    await scorer.dispose();
    const cutting = await createScorer({ config, values, tokenizer, answers, runtime, overlong: "cut" });
    expect((await cutting.scores([long])).cut).toBe(1);
    await cutting.dispose();
  });
});

test("batches hold prompts of similar length within the budget", () => {
  const lengths = [3, 9, 4, 8, 3, 20];
  const sequences = lengths.map((length) => Array.from({ length }, (_, i) => i + 5));
  const { batches, cut } = batchSequences(sequences, {
    maxTokens: 10,
    overlong: "cut",
    tokenBudget: 18,
    pad: "left",
  });
  expect(cut).toBe(1);
  expect(batches.map(({ rows }) => [...rows])).toEqual([[0, 4, 2], [3, 1], [5]]);
  for (const { feeds } of batches) expect(feeds["tokens"]!.data.length).toBeLessThanOrEqual(18);
  const { feeds } = batches[0]!;
  expect([...feeds["tokens"]!.data]).toEqual([0, 5, 6, 7, 0, 5, 6, 7, 5, 6, 7, 8]);
  expect([...feeds["visible"]!.data]).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1]);
  expect([...feeds["positions"]!.data]).toEqual([0, 0, 1, 2, 0, 0, 1, 2, 0, 1, 2, 3]);
  expect([...feeds["last"]!.data]).toEqual([3, 3, 3]);
  // The first token stays, then the newest ones.
  expect([...batches[2]!.feeds["tokens"]!.data]).toEqual([5, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
});

describe("training", () => {
  test("chunks overlap by one token, documents end with the end token", () => {
    const chunks = packDocuments([[5, 6, 7], [8, 9], [10]], { time: 4, endTokenId: 2 });
    expect(chunks.count).toBe(2);
    expect([...chunks.ids]).toEqual([5, 6, 7, 2, 8, 8, 9, 2, 10, 2]);
    const batch = chunkBatch(chunks, [1]);
    expect([...batch["tokens"]!.data]).toEqual([8, 9, 2, 10]);
    expect([...batch["targets"]!.data]).toEqual([9, 2, 10, 2]);
    expect(() => packDocuments([[1]], { time: 4, endTokenId: 2 })).toThrow(/2 tokens/);
  });

  test("a language model learns a corpus by heart, and LoRA teaches it to answer", async () => {
    const documents = await tokenizer.encodeBatch(prompts);
    // The head is frozen in tuning: the answers' rows must have been trained before, or their logits stay near 0.
    const answered = prompts.map((prompt, i) => prompt + (i % 2 ? "Yes" : "No"));
    const chunks = packDocuments(await tokenizer.encodeBatch(answered), { time: 16, endTokenId: 2 });
    const trainer = await runtime.train(languageModelProgram(config), {
      seed: 1,
      optimizer: { kind: "adamw", learningRate: 0.01 },
    });
    const rows = Array.from({ length: chunks.count }, (_, i) => i);
    const losses: number[] = [];
    for (let step = 0; step < 60; step++) losses.push((await trainer.step(chunkBatch(chunks, rows))).loss);
    expect(losses[0]).toBeGreaterThan(5);
    expect(losses.at(-1)).toBeLessThan(1);
    const base = { ...trainer.values };
    await trainer.dispose();

    const wide: LoraConfig = {
      rank: 4,
      alpha: 8,
      dropout: 0.1,
      targetModules: ["q_proj", "v_proj", "down_proj"],
    };
    const program = twoWayProgram(decoder(config, { answers, lora: wide }));
    const { batches } = batchSequences(documents, { maxTokens: 64, sort: false });
    const labels = Float32Array.from(batches[0]!.rows, (row) => (row % 3 === 0 ? 1 : 0));
    const feeds = { ...batches[0]!.feeds, label: { shape: [labels.length], data: labels } };
    const tuner = await runtime.train(program, {
      seed: 1,
      values: base,
      optimizer: (name) => (isLoraParam(name) ? { kind: "adamw", learningRate: 0.03 } : null),
    });
    const tuning: number[] = [];
    for (let step = 0; step < 100; step++) tuning.push((await tuner.step(feeds)).loss);
    expect(tuning.slice(-5).reduce((sum, loss) => sum + loss, 0) / 5).toBeLessThan(0.4);
    expect(tuner.values["model.norm.weight"]).toEqual(base["model.norm.weight"]);
    await tuner.dispose();
  });
});
