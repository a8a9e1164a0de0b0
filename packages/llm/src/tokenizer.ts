import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { Tokenizer } from "tokenizers";
import { asObject, readJson } from "./json-file.ts";
import { createTokenCounter } from "./token-counter.ts";
import { parseTokenizerJson, withoutSpecialTokens, type TokenizerJson } from "./tokenizer-json.ts";

export interface EncodeOptions {
  /** Adds what the tokenizer's template adds, for example a beginning token. Default true. */
  readonly addSpecialTokens?: boolean;
  /**
   * What becomes of a special token's string inside the text: `text` (default) reads it as ordinary characters, so that
   * a title can never end a turn; `parse` reads it as the token, for templates; `split` is transformers'
   * `split_special_tokens`, which differs from `text` for Unigram models only.
   */
  readonly specialTokens?: "text" | "parse" | "split";
}

export interface TextTokenizer {
  /** The content of tokenizer.json. */
  readonly json: string;
  /** The greatest id plus 1. */
  readonly vocabularySize: number;
  encode(text: string, options?: EncodeOptions): Promise<number[]>;
  encodeBatch(texts: readonly string[], options?: EncodeOptions): Promise<number[][]>;
  /**
   * The length of `encode(text)` without waiting, for prompt builders that cut to a budget.
   * @throws CorellaError `llm/count-tokens` for models other than BPE
   */
  countTokens(text: string): number;
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean }): Promise<string>;
  tokenOf(id: number): string | undefined;
  idOf(token: string): number | undefined;
}

/**
 * Loads a tokenizer.
 * @param source a model folder with tokenizer.json, the path of such a file, or its parsed or unparsed content
 * @throws CorellaError `llm/tokenizer`, `llm/unreadable`, `llm/bad-json`
 */
export async function loadTokenizer(source: string | object): Promise<TextTokenizer> {
  if (typeof source !== "string") return createTokenizer(source, "a tokenizer in memory");
  if (source.trimStart().startsWith("{"))
    return createTokenizer(JSON.parse(source) as object, "a tokenizer in memory");
  const path = source.endsWith(".json") ? source : join(source, "tokenizer.json");
  return createTokenizer(asObject(await readJson(path), path), path);
}

function createTokenizer(content: object, place: string): TextTokenizer {
  const parsed = parseTokenizerJson(content, place);
  const json = JSON.stringify(content);
  const open = (variant: TokenizerJson | string): Tokenizer => {
    try {
      return Tokenizer.fromString(typeof variant === "string" ? variant : JSON.stringify(variant));
    } catch (cause) {
      throw new CorellaError({
        code: "llm/tokenizer",
        message: `The tokenizer cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
        place,
        remedy: "Use a tokenizer.json written by the tokenizers library.",
        cause,
      });
    }
  };
  const parsing = open(json);
  const instances: Partial<Record<"text" | "split", Tokenizer>> = {};
  const instance = (kind: "text" | "parse" | "split"): Tokenizer =>
    kind === "parse"
      ? parsing
      : (instances[kind] ??= open(withoutSpecialTokens(parsed, kind === "text" ? "unreachable" : "kept")));
  const vocabulary = parsing.getVocab(true);
  let vocabularySize = 0;
  for (const id of Object.values(vocabulary)) vocabularySize = Math.max(vocabularySize, id + 1);
  let counter: ((text: string) => number) | undefined;

  return {
    json,
    vocabularySize,
    async encode(text, options = {}) {
      const encoding = await instance(options.specialTokens ?? "text").encode(text, null, {
        addSpecialTokens: options.addSpecialTokens ?? true,
      });
      return encoding.getIds();
    },
    async encodeBatch(texts, options = {}) {
      if (texts.length === 0) return [];
      const encodings = await instance(options.specialTokens ?? "text").encodeBatch([...texts], {
        addSpecialTokens: options.addSpecialTokens ?? true,
      });
      return encodings.map((encoding) => encoding.getIds());
    },
    countTokens(text) {
      counter ??= createTokenCounter(parsed, instance("text"), place);
      return counter(text);
    },
    decode: (ids, options = {}) => parsing.decode(Array.from(ids), options.skipSpecialTokens ?? false),
    tokenOf: (id) => parsing.idToToken(id) ?? undefined,
    idOf: (token) => (Object.hasOwn(vocabulary, token) ? vocabulary[token] : undefined),
  };
}
