import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadTokenizer, type EncodeOptions } from "@corella/llm";
import type { Comparison } from "./comparison.ts";

/** A text and its recorded token ids. */
export interface RecordedString {
  readonly text: string;
  readonly ids: readonly number[];
  readonly ids_special: readonly number[];
  readonly ids_split_special: readonly number[];
  readonly decoded: string;
}

/** The model folder that holds each recorded tokenizer. */
const folders: Readonly<Record<string, string>> = {
  smollm: "llama-gqa/model",
  sp: "llama-mha-untied/model",
  "sp-legacy": "tokenizers/sp-legacy",
  llama3: "llama3-rope/model",
  qwen: "qwen2/model",
  wordpiece: "bert/model",
  t5: "t5/model",
};

/** Number of recorded strings that are tokenised otherwise. */
export async function compareTokenizers(folder: string): Promise<Comparison[]> {
  const recorded = join(folder, "tokenizers");
  if (!existsSync(recorded)) return [];
  const results: Comparison[] = [];
  for (const file of (await readdir(recorded)).sort()) {
    if (!file.endsWith(".strings.json")) continue;
    const kind = file.slice(0, -".strings.json".length);
    const label = `tokenizers/${kind}`;
    const source = folders[kind] === undefined ? undefined : join(folder, folders[kind]);
    if (source === undefined || !existsSync(source)) {
      results.push({
        case: label,
        group: "unsupported: no model folder",
        difference: Number.POSITIVE_INFINITY,
        tolerance: 0,
      });
      continue;
    }
    const strings = JSON.parse(await readFile(join(recorded, file), "utf8")) as RecordedString[];
    const tokenizer = await loadTokenizer(source);
    const count = async (
      group: "ids" | "ids_special" | "ids_split_special",
      options: EncodeOptions,
    ): Promise<void> => {
      const encoded = await tokenizer.encodeBatch(
        strings.map(({ text }) => text),
        options,
      );
      const difference = strings.filter((string, i) => string[group].join() !== encoded[i]!.join()).length;
      results.push({ case: label, group, difference, tolerance: 0 });
    };
    await count("ids", { addSpecialTokens: false, specialTokens: "parse" });
    await count("ids_special", { addSpecialTokens: true, specialTokens: "parse" });
    await count("ids_split_special", { addSpecialTokens: false, specialTokens: "split" });
    const decoded = await Promise.all(strings.map(({ ids }) => tokenizer.decode(ids)));
    const difference = strings.filter((string, i) => string.decoded !== decoded[i]).length;
    results.push({ case: label, group: "decoded", difference, tolerance: 0 });
  }
  return results;
}
