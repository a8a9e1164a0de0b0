import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJson } from "../files/json-file.ts";
import type { AddedToken } from "./tokenizer-json.ts";

const flag = z.boolean().default(false);
const configured = z.looseObject({
  added_tokens_decoder: z
    .record(
      z.string(),
      z.object({
        content: z.string(),
        special: flag,
        single_word: flag,
        lstrip: flag,
        rstrip: flag,
        normalized: z.boolean().default(true),
      }),
    )
    .nullish(),
});

/**
 * The content of a tokenizer.json with the tokens that only the tokenizer_config.json beside it adds, or describes otherwise, as
 * transformers reads both.
 */
export async function withConfiguredTokens(content: object, folder: string): Promise<object> {
  const path = join(folder, "tokenizer_config.json");
  const parsed = configured.safeParse(existsSync(path) ? await readJson(path) : {});
  const listed = (content as { added_tokens?: unknown }).added_tokens ?? [];
  if (!Array.isArray(listed)) return content;
  const added_tokens = listed as AddedToken[];
  const tokens = Object.entries(parsed.data?.added_tokens_decoder ?? {}).map(([id, token]) => ({
    id: Number(id),
    ...token,
  }));
  const byContent = new Map(added_tokens.map((token) => [token.content, token]));
  const isNew = ({ content: string, ...token }: AddedToken): boolean => {
    const known = byContent.get(string);
    return known === undefined || known.special !== token.special;
  };
  if (!tokens.some(isNew)) return content;
  for (const token of tokens)
    byContent.set(token.content, { ...token, id: byContent.get(token.content)?.id ?? token.id });
  return { ...content, added_tokens: [...byContent.values()].toSorted((a, b) => a.id - b.id) };
}
