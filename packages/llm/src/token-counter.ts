import { CorellaError } from "@corella/errors";
import type { Tokenizer } from "tokenizers";
import type { BpeModel, TokenizerJson } from "./tokenizer-json.ts";

/** Words seen so far, with their token counts; titles and template words repeat in every prompt. */
const cacheSize = 50_000;

/**
 * Counts tokens without waiting: the library encodes on other threads only, but its normaliser and pre-tokeniser answer
 * at once, and what they leave is byte-pair merging (Sennrich et al. 2016), word by word.
 */
export function createTokenCounter(
  json: TokenizerJson,
  tokenizer: Tokenizer,
  place: string,
): (text: string) => number {
  const { model } = json;
  const plain = json.added_tokens.every((token) => token.special);
  if (model.type !== "BPE" || !plain || model.continuing_subword_prefix || model.end_of_word_suffix) {
    throw new CorellaError({
      code: "llm/count-tokens",
      message: `Tokens cannot be counted without waiting for this ${model.type} tokenizer.`,
      place,
      remedy: "Await encode(text) and take its length.",
    });
  }
  const normalizer = tokenizer.getNormalizer();
  const preTokenizer = tokenizer.getPreTokenizer();
  const countWord = wordCounter(model);
  const cut = mergesCrossSpaces(model) ? (word: string): string[] => [word] : cutAtSpaces;
  const added = templateTokens(json.post_processor);
  return (text) => {
    const normalized = normalizer === null ? text : normalizer.normalizeString(text);
    if (normalized === "") return added;
    const words =
      preTokenizer === null ? [normalized] : preTokenizer.preTokenizeString(normalized).map(([word]) => word);
    return words.flatMap(cut).reduce((sum, word) => sum + countWord(word), added);
  };
}

/** SentencePiece's sign for a space; its models take a whole text as one word. */
const space = "\u2581";

/** No piece holds a space behind another character: then nothing merges across the beginning of a word. */
function mergesCrossSpaces(model: BpeModel): boolean {
  return model.merges.some((merge) => {
    const [left, right] = typeof merge === "string" ? (merge.split(" ") as [string, string]) : merge;
    return right.startsWith(space) && !left.endsWith(space);
  });
}

function cutAtSpaces(text: string): string[] {
  return text.split(new RegExp(`(?<=[^${space}])(?=${space})`, "u"));
}

/** How many tokens the template adds to one sequence. */
function templateTokens(processor: unknown): number {
  if (typeof processor !== "object" || processor === null) return 0;
  const { single, processors, special_tokens: special } = processor as Record<string, unknown>;
  if (Array.isArray(processors))
    return processors.reduce<number>((sum, child) => sum + templateTokens(child), 0);
  if (!Array.isArray(single)) return 0;
  let count = 0;
  for (const piece of single as Record<string, { id: string } | undefined>[]) {
    const id = piece["SpecialToken"]?.id;
    if (id === undefined) continue;
    count += (special as Record<string, { ids: number[] }>)[id]?.ids.length ?? 0;
  }
  return count;
}

function wordCounter(model: BpeModel): (word: string) => number {
  const ranks = new Map<string, number>();
  model.merges.forEach((merge, rank) => {
    const key = typeof merge === "string" ? merge : `${merge[0]} ${merge[1]}`;
    if (!ranks.has(key)) ranks.set(key, rank);
  });
  const cache = new Map<string, number>();
  return (word) => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    const count = model.ignore_merges && Object.hasOwn(model.vocab, word) ? 1 : merged(word, model, ranks);
    if (cache.size >= cacheSize) cache.clear();
    cache.set(word, count);
    return count;
  };
}

function merged(word: string, model: BpeModel, ranks: ReadonlyMap<string, number>): number {
  const parts: string[] = [];
  let unknownBefore = false;
  for (const character of word) {
    if (Object.hasOwn(model.vocab, character)) {
      parts.push(character);
      unknownBefore = false;
      continue;
    }
    const bytes = Array.from(
      Buffer.from(character),
      (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
    );
    if (model.byte_fallback && bytes.every((byte) => Object.hasOwn(model.vocab, byte))) {
      parts.push(...bytes);
      unknownBefore = false;
    } else if (typeof model.unk_token === "string") {
      if (!(unknownBefore && model.fuse_unk)) parts.push(model.unk_token);
      unknownBefore = true;
    }
  }
  for (;;) {
    let best = Number.POSITIVE_INFINITY;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(`${parts[i]} ${parts[i + 1]}`);
      if (rank !== undefined && rank < best) {
        best = rank;
        at = i;
      }
    }
    if (at < 0) return parts.length;
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}
