import { CorellaError } from "@corella/errors";
import type { Tokenizer } from "tokenizers";
import type { AddedToken, BpeModel, TokenizerJson, UnigramModel } from "./tokenizer-json.ts";
import { unigramCounter } from "./unigram-counter.ts";

/** Words seen so far, with their token counts; titles and template words repeat in every prompt. */
const cacheSize = 50_000;

/**
 * Counts tokens without waiting. Why there is a second byte-pair encoder (Sennrich et al. 2016) beside the library's: the
 * library encodes on other threads only, so it makes every caller wait, while prompts are rendered, and bisected for the
 * longest history that fits, in plain functions. Its normaliser and pre-tokeniser do answer at once; what they leave is
 * merging within words, counted here, and tests compare the counts with the library's. A count takes about as long as an
 * awaited encoding, most of it in the pre-tokeniser (0.6 ms for 400 tokens).
 * @param json its special tokens are plain characters
 * @throws CorellaError `llm/count-tokens` for models other than BPE and Unigram, and added tokens that cannot be told apart alone
 */
export function createTokenCounter(
  json: TokenizerJson,
  tokenizer: Tokenizer,
  place: string,
): (text: string) => number {
  const { model } = json;
  const ordinary = json.added_tokens.filter(({ special }) => !special);
  if (model.type === "WordPiece" || hasAffixes(model) || !canBeParted(ordinary, json)) {
    throw new CorellaError({
      code: "llm/count-tokens",
      message: `Tokens cannot be counted without waiting for this ${model.type} tokenizer.`,
      place,
      remedy: "Await encode(text) and take its length.",
    });
  }
  const normalizer = tokenizer.getNormalizer();
  const normalize = (text: string): string =>
    normalizer === null || text === "" ? text : normalizer.normalizeString(text);
  const preTokenizer = tokenizer.getPreTokenizer();
  const countWord = remembering(model.type === "BPE" ? bpeCounter(model) : unigramCounter(model));
  const whole = model.type === "Unigram" || mergesCrossSpaces(model);
  const cut = whole ? (word: string): string[] => [word] : cutAtSpaces;
  const added = templateTokens(json.post_processor);
  const contents = (normalized: boolean): string[] =>
    ordinary.filter((token) => (token.normalized ?? true) === normalized).map(({ content }) => content);
  const partRaw = parting(contents(false));
  const partNormalized = parting(contents(true).map(normalize));
  const countPart = (text: string): number => {
    if (text === "") return 0;
    const words = preTokenizer === null ? [text] : preTokenizer.preTokenizeString(text).map(([word]) => word);
    return words.flatMap(cut).reduce((sum, word) => sum + countWord(word), 0);
  };
  const sum = (parts: Parts, count: (text: string) => number): number =>
    parts.texts.reduce((total, text) => total + count(text), parts.tokens);
  return (text) => added + sum(partRaw(text), (part) => sum(partNormalized(normalize(part)), countPart));
}

/** A text without the added tokens that stand in it, and how many these are. */
interface Parts {
  readonly texts: readonly string[];
  readonly tokens: number;
}

/** Parts texts where one of the strings stands, the longest of those that begin at a place. */
function parting(strings: readonly string[]): (text: string) => Parts {
  if (strings.length === 0) return (text) => ({ texts: [text], tokens: 0 });
  const escaped = strings
    .toSorted((a, b) => b.length - a.length)
    .map((string) => string.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&"));
  const any = new RegExp(escaped.join("|"), "u");
  return (text) => {
    const texts = text.split(any);
    return { texts, tokens: texts.length - 1 };
  };
}

/** Whether what stands between added tokens is tokenised as if it stood alone, and the tokens are their strings alone. */
function canBeParted(tokens: readonly AddedToken[], json: TokenizerJson): boolean {
  if (tokens.length === 0) return true;
  return (
    !tokens.some(({ single_word, lstrip, rstrip }) => single_word || lstrip || rstrip) &&
    // Metaspace, which then treats the beginning of the text in its own way.
    !JSON.stringify(json.pre_tokenizer ?? null).includes('"prepend_scheme":"first"')
  );
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

/** Whether a model marks the pieces inside of words, or those at their ends. */
function hasAffixes(model: BpeModel | UnigramModel): boolean {
  return model.type === "BPE" && Boolean(model.continuing_subword_prefix || model.end_of_word_suffix);
}

function remembering(count: (word: string) => number): (word: string) => number {
  const cache = new Map<string, number>();
  return (word) => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    const counted = count(word);
    if (cache.size >= cacheSize) cache.clear();
    cache.set(word, counted);
    return counted;
  };
}

function bpeCounter(model: BpeModel): (word: string) => number {
  const ranks = new Map<string, number>();
  model.merges.forEach((merge, rank) => {
    const key = typeof merge === "string" ? merge : `${merge[0]} ${merge[1]}`;
    if (!ranks.has(key)) ranks.set(key, rank);
  });
  return (word) => (model.ignore_merges && Object.hasOwn(model.vocab, word) ? 1 : merged(word, model, ranks));
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
