import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialValues } from "@corella/engine";
import { float32Tensor, writeSafetensors, type TensorToWrite } from "@corella/safetensors";
import { expect, test } from "vitest";
import { decoder, loadPretrained, parseDecoderConfig, savePretrained } from "../index.ts";

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
  const tensors: Record<string, TensorToWrite> = {
    [`${tower}vision_tower.vision_model.post_layernorm.weight`]: float32Tensor([8], new Float32Array(8)),
    [`${tower}multi_modal_projector.mm_soft_emb_norm.weight`]: float32Tensor([8], new Float32Array(8)),
  };
  for (const [name, { shape }] of Object.entries(part.params))
    tensors[rename(name)] = float32Tensor(shape, values[name]!);
  const folder = await mkdtemp(join(tmpdir(), "corella-gemma-"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...outer, text_config: textConfig }));
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });

  const loaded = await loadPretrained(folder);
  expect(loaded.config).toEqual(config);
  expect(loaded.values).toEqual(values);
  // Saved, it is the text model alone.
  await savePretrained(join(folder, "text"), loaded.config, loaded.values);
  expect((await loadPretrained(join(folder, "text"))).values).toEqual(values);
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
