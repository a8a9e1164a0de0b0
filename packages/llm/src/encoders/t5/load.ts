import { join } from "node:path";
import type { Values } from "@corella/engine";
import { readJson } from "../../files/json-file.ts";
import { hasOwnHead } from "../../pretrained/own-head.ts";
import { readParams } from "../../files/tensor-folder.ts";
import { loadTokenizer, type TextTokenizer } from "../../tokenizer/tokenizer.ts";
import { parseT5Config, type T5Config } from "./config.ts";
import { t5Params } from "./model.ts";

/** A T5 with all its weights. */
export interface T5Model {
  readonly config: T5Config;
  readonly values: Values;
  readonly tokenizer: TextTokenizer;
}

/**
 * Loads a T5 in Hugging Face's layout: config.json, safetensors, tokenizer.json.
 * @throws CorellaError with the codes of `loadPretrained`
 */
export async function loadT5(folder: string): Promise<T5Model> {
  const path = join(folder, "config.json");
  const parsed = parseT5Config(await readJson(path), path);
  const { vocabularySize, hiddenSize } = parsed;
  const names = { embedding: "shared.weight", head: "lm_head.weight" };
  const isOwn = await hasOwnHead(folder, [vocabularySize, hiddenSize], names, storedName);
  // Whatever the configuration says: it tells of `scaleDecoderOutputs` only.
  const config = { ...parsed, tieWordEmbeddings: !isOwn };
  return {
    config,
    values: await readParams(folder, t5Params(config), storedName),
    tokenizer: await loadTokenizer(folder),
  };
}

/** The embedding matrix may be stored as one of its users'. */
function storedName(name: string, has: (stored: string) => boolean): string {
  if (name !== "shared.weight") return name;
  return [name, "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"].find(has) ?? name;
}
