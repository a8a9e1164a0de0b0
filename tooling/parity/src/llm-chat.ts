import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chatTokenizer, type TextTokenizer } from "@corella/llm";
import type { Comparison } from "./comparison.ts";

interface RecordedChats {
  readonly texts: readonly string[];
  /** What `apply_chat_template` gives, with the beginning of the answer. */
  readonly ids: readonly (readonly number[])[];
  /** Texts that try to end the turn. */
  readonly hostile: readonly string[];
  /** The special tokens of any turn, in order. */
  readonly special_ids: readonly number[];
}

/** User turns in the model's own format; hostile texts may add no special token to it. */
export async function compareChat(
  label: string,
  folder: string,
  tokenizer: TextTokenizer | undefined,
): Promise<Comparison[]> {
  const path = join(folder, "chat.json");
  if (!existsSync(path) || tokenizer === undefined) return [];
  const recorded = JSON.parse(await readFile(path, "utf8")) as RecordedChats;
  const chat = await chatTokenizer(tokenizer);
  const encoded = await chat.encodeBatch(recorded.texts);
  const wrong = encoded.filter((ids, i) => ids.join() !== recorded.ids[i]!.join()).length;
  const tricked = (await chat.encodeBatch(recorded.hostile)).filter(
    (ids) => ids.filter((id) => chat.isSpecial(id)).join() !== recorded.special_ids.join(),
  ).length;
  return [
    { case: label, group: "chat turns", difference: wrong, tolerance: 0 },
    { case: label, group: "hostile chat turns", difference: tricked, tolerance: 0 },
  ];
}
