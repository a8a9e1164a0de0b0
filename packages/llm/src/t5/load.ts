import { join } from "node:path";
import type { Values } from "@corella/engine";
import { readJson } from "../json-file.ts";
import { readParams } from "../tensor-folder.ts";
import { loadTokenizer, type TextTokenizer } from "../tokenizer.ts";
import { parseT5Config, type T5Config } from "./config.ts";
import { t5Params } from "./model.ts";

export interface T5Model {
  readonly config: T5Config;
  readonly values: Values;
  readonly tokenizer: TextTokenizer;
}

/** Loads a T5 in Hugging Face's layout; throws as `loadPretrained`. */
export async function loadT5(folder: string): Promise<T5Model> {
  const path = join(folder, "config.json");
  const config = parseT5Config(await readJson(path), path);
  return {
    config,
    values: await readParams(folder, t5Params(config)),
    tokenizer: await loadTokenizer(folder),
  };
}
