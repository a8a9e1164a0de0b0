import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialValues } from "@corella/engine";
import { float32Tensor, writeSafetensors } from "@corella/safetensors";
import { describe, expect, test } from "vitest";
import {
  decoder,
  loadAdapter,
  loadPretrained,
  parseDecoderConfig,
  saveAdapter,
  savePretrained,
  type DecoderConfig,
  type LoraConfig,
} from "../index.ts";
import { renameTensors, tensorsOf, type Tensors } from "./model-files.test-helper.ts";

const text = {
  model_type: "gemma3_text",
  vocab_size: 30,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 4,
  max_position_embeddings: 32,
  sliding_window: 8,
  query_pre_attn_scalar: 4,
  rope_scaling: { factor: 8, rope_type: "linear" },
};
/** As google/gemma-3-4b-it has it: the text model's fields inside, some of the tokens' ids outside. */
const outer = {
  architectures: ["Gemma3ForConditionalGeneration"],
  model_type: "gemma3",
  boi_token_index: 28,
  eos_token_id: [1, 26],
  image_token_index: 29,
  mm_tokens_per_image: 256,
  vision_config: { hidden_size: 8, model_type: "siglip_vision_model", num_hidden_layers: 1, image_size: 16 },
};

const published = (name: string): string => `language_model.${name}`;
const renamed = (name: string): string => name.replace(/^model\./, "model.language_model.");

test.each<[string, (name: string) => string, string, boolean]>([
  ["as published", published, "", true],
  ["as published, with a head of its own", published, "", false],
  ["in the names of transformers 5", renamed, "model.", true],
  ["in the names of transformers 5, with a head of its own", renamed, "model.", false],
])("the text model is read out of one that sees pictures: %s", async (_, rename, tower, tied) => {
  const textConfig = { ...text, tie_word_embeddings: tied };
  const config = parseDecoderConfig({ ...textConfig, eos_token_id: 1 }, "a test");
  const part = decoder(config, { answers: { yes: 3, no: 4 } });
  const values = initialValues(part, 5);
  const tensors: Tensors = {
    [`${tower}vision_tower.vision_model.post_layernorm.weight`]: float32Tensor([8], new Float32Array(8)),
    [`${tower}multi_modal_projector.mm_soft_emb_norm.weight`]: float32Tensor([8], new Float32Array(8)),
  };
  for (const [name, { shape }] of Object.entries(part.params))
    tensors[rename(name)] = float32Tensor(shape, values[name]!);
  const folder = await mkdtemp(join(tmpdir(), "corella-gemma-"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...outer, text_config: textConfig }));
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });

  const loaded = await loadPretrained(folder);
  expect(loaded.config).toEqual({ ...config, multimodal: true });
  expect(loaded.values).toEqual(values);
  // Saved, it is the text model alone.
  await savePretrained(join(folder, "text"), loaded.config, loaded.values);
  const saved = await loadPretrained(join(folder, "text"));
  expect(saved.values).toEqual(values);
  expect(saved.config).toEqual(config);
});

describe("an adapter", () => {
  const alone = parseDecoderConfig(text, "a test");
  const config = parseDecoderConfig({ ...outer, text_config: text }, "a test");
  const module = (layer: number, name: string): string => `layers.${layer}.self_attn.${name}`;
  const single = {
    rank: 2,
    alpha: 4,
    modules: { [`model.${module(1, "v_proj")}`]: { rank: 3, alpha: 4 } },
  };
  const loras: LoraConfig[] = [
    { rank: 2, alpha: 4, dropout: 0, rsLora: false, targetModules: ["q_proj", "v_proj"] },
    { ...single, dropout: 0, rsLora: false },
  ];

  /** The adapter's folder, its tensors' names, and the modules that PEFT puts it on. */
  const saved = async (base: DecoderConfig, lora: LoraConfig) => {
    const folder = join(await mkdtemp(join(tmpdir(), "corella-gemma-")), "adapter");
    const values = initialValues(decoder(base, { answers: { yes: 3, no: 4 }, lora }), 5);
    await saveAdapter(folder, { config: base, lora, values });
    const tensors = await tensorsOf(join(folder, "adapter_model.safetensors"));
    const written = JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8")) as {
      target_modules: string[];
    };
    return { folder, values, names: Object.keys(tensors), targets: written.target_modules };
  };

  test("has the names of the checkpoint that was loaded, where PEFT looks for them", async () => {
    const [uniform, one] = loras;
    const seeing = await saved(config, uniform!);
    const stem = "base_model.model.model.language_model.";
    expect(seeing.names).toContain(`${stem}${module(0, "q_proj")}.lora_A.weight`);
    expect(seeing.names.every((name) => name.startsWith(stem))).toBe(true);
    // The vision tower's q_proj is none of them.
    expect(seeing.targets).toEqual(
      ["q_proj", "v_proj"]
        .flatMap((name) => [0, 1].map((layer) => `model.language_model.${module(layer, name)}`))
        .sort(),
    );
    expect((await saved(config, one!)).targets).toEqual([`model.language_model.${module(1, "v_proj")}`]);
    const plain = await saved(alone, uniform!);
    expect(plain.names).toContain(`base_model.model.model.${module(0, "q_proj")}.lora_A.weight`);
    expect(plain.targets).toEqual(["q_proj", "v_proj"]);
  });

  test.each(loras)("of either kind loads for both, and is saved by the base it is for: %#", async (lora) => {
    for (const from of [alone, config]) {
      const { folder, values, names } = await saved(from, lora);
      for (const base of [alone, config]) {
        const loaded = await loadAdapter(folder, base);
        expect(loaded.lora).toEqual(lora);
        for (const [name, array] of Object.entries(loaded.values)) expect(array).toEqual(values[name]);
        expect(Object.keys(loaded.values)).toHaveLength(names.length);
      }
    }
  });

  test("in the names of transformers before 4.52 loads", async () => {
    const { folder, values } = await saved(config, loras[0]!);
    await renameTensors(join(folder, "adapter_model.safetensors"), (name) =>
      name.replace("model.language_model.", "language_model.model."),
    );
    await writeFile(
      join(folder, "adapter_config.json"),
      JSON.stringify({ peft_type: "LORA", r: 2, lora_alpha: 4, target_modules: ["q_proj", "v_proj"] }),
    );
    const loaded = await loadAdapter(folder, config);
    expect(loaded.values[`model.${module(1, "v_proj")}.lora_A.weight`]).toEqual(
      values[`model.${module(1, "v_proj")}.lora_A.weight`],
    );
  });
});

test("a tensor of the text model that is missing is named, whatever the vision tower has", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-gemma-"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...outer, text_config: text }));
  const norm = float32Tensor([16], new Float32Array(16));
  await writeSafetensors(join(folder, "model.safetensors"), { "language_model.model.norm.weight": norm }, {});
  await expect(loadPretrained(folder)).rejects.toMatchObject({
    code: "llm/missing-tensor",
    message: expect.stringContaining("model.embed_tokens.weight"),
  });
});
