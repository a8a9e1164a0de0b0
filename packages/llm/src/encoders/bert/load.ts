import { join } from "node:path";
import type { Values } from "@corella/engine";
import { readJson } from "../../files/json-file.ts";
import { holdsTensors, readParams } from "../../files/tensor-folder.ts";
import { loadTokenizer, type TextTokenizer } from "../../tokenizer/tokenizer.ts";
import { parseBertConfig, type BertConfig } from "./config.ts";
import { bertParams } from "./encoder.ts";

/** A BERT with all its weights. */
export interface BertModel {
  readonly config: BertConfig;
  readonly values: Values;
  readonly tokenizer: TextTokenizer;
}

/**
 * Loads a BERT in Hugging Face's layout: config.json, safetensors, tokenizer.json.
 * @throws CorellaError with the codes of `loadPretrained`
 */
export async function loadBert(folder: string): Promise<BertModel> {
  const path = join(folder, "config.json");
  const parsed = parseBertConfig(await readJson(path), path);
  // Masked language models and many sentence encoders have none.
  const pooler = await holdsTensors(folder, ["pooler.dense.weight"], storedName);
  const config = pooler ? parsed : { ...parsed, pooler };
  const values = await readParams(folder, bertParams(config), storedName);
  return { config, values, tokenizer: await loadTokenizer(folder) };
}

/** Models with a head have the prefix `bert.`, the oldest files `gamma` and `beta`. */
function storedName(name: string, has: (stored: string) => boolean): string {
  const old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
  return [name, `bert.${name}`, old, `bert.${old}`].find(has) ?? name;
}
