import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Values } from "@corella/engine";
import { writeFolderAtomic } from "@corella/files";
import { float32Tensor, writeSafetensors } from "@corella/safetensors";
import { readJson } from "../../files/json-file.ts";
import { holdsTensors, openParams, readEach, type OpenWeights } from "../../files/tensor-folder.ts";
import { hasOwnHead } from "../../pretrained/own-head.ts";
import { loadTokenizer, type TextTokenizer } from "../../tokenizer/tokenizer.ts";
import { parseT5Config, t5ToHuggingFace, type T5Config } from "./config.ts";
import { t5Params, wholeWordTable } from "./model.ts";

/** A T5 with all its weights. */
export interface T5Model {
  readonly config: T5Config;
  readonly values: Values;
  readonly tokenizer: TextTokenizer;
}

/** A T5 whose weights stay in its folder until they are read. Close them after use. */
export interface OpenT5Model extends Omit<T5Model, "values"> {
  readonly weights: OpenWeights;
}

/** Rows of the whole-word embeddings in the published checkpoints of P5, whose config.json does not tell. */
const publishedWholeWords = 512;

/**
 * Opens a T5 in Hugging Face's layout: config.json, safetensors, tokenizer.json.
 * @throws CorellaError with the codes of `openPretrained`
 */
export async function openT5(folder: string): Promise<OpenT5Model> {
  const path = join(folder, "config.json");
  const parsed = parseT5Config(await readJson(path), path);
  const { vocabularySize, hiddenSize } = parsed;
  const names = { embedding: "shared.weight", head: "lm_head.weight" };
  const isOwn = await hasOwnHead(folder, [vocabularySize, hiddenSize], names, storedName);
  const hasWords = await holdsTensors(folder, [wholeWordTable]);
  // Whatever the configuration says: it tells of `scaleDecoderOutputs` only.
  const config = {
    ...parsed,
    tieWordEmbeddings: !isOwn,
    wholeWords: hasWords ? parsed.wholeWords || publishedWholeWords : 0,
  };
  const tokenizer = await loadTokenizer(folder);
  return { config, tokenizer, weights: await openParams(folder, t5Params(config), storedName) };
}

/**
 * Loads a T5 with all its weights in float32, from a folder as `openT5` takes it.
 * @throws CorellaError with the codes of `openPretrained`
 */
export async function loadT5(folder: string): Promise<T5Model> {
  const { weights, ...model } = await openT5(folder);
  try {
    return { ...model, values: await readEach(t5Params(model.config), weights) };
  } finally {
    await weights.close();
  }
}

/** Writes a T5 as a folder that transformers, and `loadT5`, can load; the folder appears whole or not at all. */
export async function saveT5(folder: string, { config, values, tokenizer }: T5Model): Promise<void> {
  const tensors = Object.fromEntries(
    Object.entries(t5Params(config)).map(([name, { shape }]) => [name, float32Tensor(shape, values[name]!)]),
  );
  const described = {
    tokenizer_class: "PreTrainedTokenizerFast",
    pad_token: tokenizer.tokenOf(config.padTokenId),
    eos_token: tokenizer.tokenOf(config.endTokenId),
  };
  await mkdir(join(folder, ".."), { recursive: true });
  await writeFolderAtomic(folder, async (temporary) => {
    const json = { "config.json": t5ToHuggingFace(config), "tokenizer_config.json": described };
    for (const [file, content] of Object.entries(json))
      await writeFile(join(temporary, file), `${JSON.stringify(content, null, 2)}\n`);
    await writeSafetensors(join(temporary, "model.safetensors"), tensors, { format: "pt" });
    await writeFile(join(temporary, "tokenizer.json"), tokenizer.json);
  });
}

/** The embedding matrix may be stored as one of its users'. */
function storedName(name: string, has: (stored: string) => boolean): string {
  if (name !== "shared.weight") return name;
  return [name, "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"].find(has) ?? name;
}
