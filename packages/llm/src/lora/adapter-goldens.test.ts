import { readFileSync } from "node:fs";
import { cp, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onnxRuntime, type Values } from "@corella/engine";
import { describe, expect, test } from "vitest";
import {
  createScorer,
  decoder,
  decoderParams,
  loadAdapter,
  loadPretrained,
  mergeAdapter,
  mergedReader,
  openPretrained,
  packedDecoder,
  paddedFeeds,
  saveAdapter,
  type DecoderConfig,
} from "../index.ts";
import {
  changeJson,
  changeTensors,
  renameTensors,
  tensorsOf,
  type Tensors,
} from "../pretrained/model-files.test-helper.ts";

// DoRA, LoRA of embeddings and head, replaced matrices, adapters of a checkpoint that sees pictures: as PEFT computes them.
const folder = fileURLToPath(new URL("../goldens/adapters", import.meta.url));
interface Golden {
  readonly tokens: number[][];
  readonly bases: Record<string, { logits: number[][]; adapters: Record<string, number[][]> }>;
}
const { tokens, bases } = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as Golden;
const runtime = onnxRuntime();
const answers = { yes: 3, no: 4 };

/** Logits of the whole vocabulary behind each sequence. */
async function logitsOf(config: DecoderConfig, values: Values): Promise<Float32Array> {
  const part = decoder(config, { answers });
  const inference = await runtime.infer(
    { ...part, forward: (scope) => ({ outputs: { logits: part.forward(scope).logitsLast() } }) },
    values,
  );
  const { data } = (await inference.run(paddedFeeds(tokens)))["logits"]!;
  await inference.dispose();
  return data as Float32Array;
}

function expectClose(actual: Float32Array, expected: readonly number[][]): void {
  const all = expected.flat();
  expect(actual).toHaveLength(all.length);
  expect(Math.max(...all.map((value, i) => Math.abs(value - actual[i]!)))).toBeLessThan(2e-5);
}

for (const [base, { logits, adapters }] of Object.entries(bases)) {
  describe(`on the base ${base}`, () => {
    const model = loadPretrained(join(folder, base, "model"));

    test("the base itself", async () => {
      const { config, values } = await model;
      expectClose(await logitsOf(config, values), logits);
    });

    test.each(Object.entries(adapters))("%s, merged in memory and as it is read", async (name, expected) => {
      const { config, values } = await model;
      const { lora, values: adapter } = await loadAdapter(join(folder, base, name), config);
      const merged = mergeAdapter(config, lora, { ...values, ...adapter });
      expectClose(await logitsOf(merged.config, merged.values), expected);
      const open = await openPretrained(join(folder, base, "model"));
      const reader = mergedReader(config, lora, adapter, open.weights);
      expect(reader.config).toEqual(merged.config);
      for (const [param, { shape }] of Object.entries(decoderParams(reader.config))) {
        expect(await reader.weights.read(param), param).toEqual(merged.values[param]);
        const width = merged.values[param]!.length / shape[0]!;
        const part = merged.values[param]!.slice(2 * width, 5 * width);
        expect(await reader.weights.read(param, [2, 5]), param).toEqual(part);
      }
      await open.weights.close();
    });
  });
}

test("only a head that goes its own way is no longer the embedding matrix", async () => {
  const { config } = await loadPretrained(join(folder, "tied/model"));
  const { values } = await loadPretrained(join(folder, "tied/model"));
  const tied = Object.keys(bases["tied"]!.adapters).map(async (name) => {
    const { lora, values: adapter } = await loadAdapter(join(folder, "tied", name), config);
    return [name, mergeAdapter(config, lora, { ...values, ...adapter }).config.tieWordEmbeddings];
  });
  expect(Object.fromEntries((await Promise.all(tied)) as [string, boolean][])).toEqual({
    dora: true,
    "dora-rslora-ranks": true,
    head: false,
    "head-dora": false,
    embedding: false,
    "saved-head": false,
    "saved-embedding": false,
    "saved-both": false,
    "saved-tied": true,
  });
});

test("what is only ever merged is not computed beside its base, trained or saved", async () => {
  const { config, values } = await loadPretrained(join(folder, "untied/model"));
  for (const name of ["head", "saved-both", "saved-head-dora"]) {
    const adapter = await loadAdapter(join(folder, "untied", name), config);
    const { lora } = adapter;
    const refused = expect.objectContaining({
      code: "llm/adapter-merge",
      message: expect.stringContaining(name.includes("dora") ? "with DoRA" : "embeddings or head"),
    });
    expect(() => decoder(config, { answers, lora })).toThrow(refused);
    expect(() => packedDecoder(config, { answers, lora })).toThrow(refused);
    await expect(saveAdapter(join(tmpdir(), "none"), { config, lora, values })).rejects.toEqual(refused);
    const common = { config, values, runtime, answers: { ...answers, dangling: "", appended: "" } };
    await expect(
      createScorer({ ...common, adapters: { name: adapter }, tokenizer: undefined as never }),
    ).rejects.toEqual(refused);
  }
});

test("an adapter of which a process saved its own part alone, and one of whole numbers, are refused", async () => {
  const { config } = await loadPretrained(join(folder, "tied/model"));
  const changed = async (dtype: "F32" | "I32", shape: number[]): Promise<string> => {
    const copy = join(await mkdtemp(join(tmpdir(), "corella-parts-")), "adapter");
    await cp(join(folder, "tied/dora"), copy, { recursive: true });
    await changeTensors(join(copy, "adapter_model.safetensors"), (tensors) => {
      const [first] = Object.keys(tensors);
      const size = shape.length === 0 ? tensors[first!]!.shape : shape;
      const count = size.reduce((product, length) => product * length, 1);
      tensors[first!] = {
        dtype,
        shape: size,
        data: dtype === "F32" ? new Float32Array(count) : new Int32Array(count),
      };
    });
    return copy;
  };
  await expect(loadAdapter(await changed("F32", [0]), config)).rejects.toMatchObject({
    code: "llm/adapter-empty",
    message: expect.stringMatching(/^1 of the adapter's \d+ tensors have no numbers/),
    remedy: expect.stringContaining("ZeRO-3"),
  });
  await expect(loadAdapter(await changed("I32", []), config)).rejects.toMatchObject({
    code: "llm/tensor-type",
  });
});

test("PEFT's older spelling of DoRA's vectors is read too", async () => {
  const copy = join(await mkdtemp(join(tmpdir(), "corella-dora-")), "adapter");
  await cp(join(folder, "tied/dora"), copy, { recursive: true });
  await renameTensors(join(copy, "adapter_model.safetensors"), (name) =>
    name.replace(/magnitude_vector$/, "magnitude_vector.weight"),
  );
  const { config } = await loadPretrained(join(folder, "tied/model"));
  expect(await loadAdapter(copy, config)).toEqual(await loadAdapter(join(folder, "tied/dora"), config));
});

describe("of a checkpoint that sees pictures", () => {
  test("what corella saves has the very names of what PEFT saved", async () => {
    const { config } = await loadPretrained(join(folder, "gemma3-pictures/model"));
    const peft = join(folder, "gemma3-pictures/lora");
    const { lora, values } = await loadAdapter(peft, config);
    const saved = join(await mkdtemp(join(tmpdir(), "corella-pictures-")), "adapter");
    await saveAdapter(saved, { config, lora, values });
    const written = (path: string): Promise<Tensors> => tensorsOf(join(path, "adapter_model.safetensors"));
    expect(await written(saved)).toEqual(await written(peft));
    expect((await loadAdapter(saved, config)).values).toEqual(values);
  });

  test("an adapter that PEFT also puts on the vision tower is the language model's part of it", async () => {
    const { config } = await loadPretrained(join(folder, "gemma3-pictures/model"));
    const { lora } = await loadAdapter(join(folder, "gemma3-pictures/all-linear"), config);
    expect(lora.targetModules).toHaveLength(7);
    const copy = join(await mkdtemp(join(tmpdir(), "corella-pictures-")), "adapter");
    await cp(join(folder, "gemma3-pictures/all-linear"), copy, { recursive: true });
    await changeJson<{ target_modules: string[] }>(join(copy, "adapter_config.json"), (json) => {
      json.target_modules = ["fc1"];
    });
    await expect(loadAdapter(copy, config)).rejects.toMatchObject({ code: "llm/adapter-config" });
  });

  test("names of transformers before 4.52, and modules of pictures that are replaced, change nothing", async () => {
    const { config } = await loadPretrained(join(folder, "gemma3-pictures/model"));
    const source = join(folder, "gemma3-pictures/dora-saved-head");
    const copy = join(await mkdtemp(join(tmpdir(), "corella-pictures-")), "adapter");
    await cp(source, copy, { recursive: true });
    const file = join(copy, "adapter_model.safetensors");
    const own = "base_model.model.";
    await renameTensors(file, (name) =>
      name
        .replace(`${own}model.language_model.`, `${own}language_model.model.`)
        .replace(`${own}lm_head`, `${own}language_model.lm_head`),
    );
    await changeTensors(file, (tensors) => {
      tensors[`${own}multi_modal_projector.mm_soft_emb_norm.weight`] = tensors[Object.keys(tensors)[0]!]!;
    });
    await changeJson<{ modules_to_save: string[] }>(join(copy, "adapter_config.json"), (json) => {
      json.modules_to_save = ["multi_modal_projector", "lm_head"];
    });
    expect(await loadAdapter(copy, config)).toEqual(await loadAdapter(source, config));
  });

  test("target modules are PEFT's own where the configuration names none", async () => {
    const { config } = await loadPretrained(join(folder, "untied/model"));
    const source = join(folder, "untied/saved-both");
    const copy = join(await mkdtemp(join(tmpdir(), "corella-targets-")), "adapter");
    await cp(source, copy, { recursive: true });
    await changeJson<{ target_modules?: string[] }>(join(copy, "adapter_config.json"), (json) => {
      delete json.target_modules;
    });
    expect(await loadAdapter(copy, config)).toEqual(await loadAdapter(source, config));
  });
});
