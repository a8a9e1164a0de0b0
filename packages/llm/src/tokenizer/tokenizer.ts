import { dirname, join } from "node:path";
import { CorellaError } from "@corella/errors";
import { Tokenizer } from "tokenizers";
import { readChatTemplate, type ChatTemplate, type ChatTurn } from "./chat/template.ts";
import { asObject, readJson } from "../files/json-file.ts";
import { looksLikeControl } from "./control-tokens.ts";
import { withConfiguredTokens } from "./configured-tokens.ts";
import { createTokenCounter } from "./token-counter.ts";
import { parseTokenizerJson, withBytesApart, withoutTokens, type AddedToken } from "./tokenizer-json.ts";

/** How a text becomes tokens. */
export interface EncodeOptions {
  /** Adds what the tokenizer's template adds, for example a beginning token. Default true. */
  readonly addSpecialTokens?: boolean;
  /**
   * What becomes of a special token's string inside the text: `text` (default) reads it as ordinary characters, so that
   * a title can never end a turn; `parse` reads it as the token, for templates; `split` is transformers'
   * `split_special_tokens`, which differs from `text` for Unigram models and for tokens that mean turns though their
   * vocabulary does not call them special.
   */
  readonly specialTokens?: "text" | "parse" | "split";
  /** The beginning of the model's answer to the text, for joint tokenisation. */
  readonly answer?: string;
}

/** Tokens and where they end. */
export interface EncodedWithEnds {
  readonly ids: number[];
  /** As many as ids. */
  readonly ends: number[];
}

/** Texts into token ids and back. */
export interface TextTokenizer {
  /** The content of tokenizer.json. */
  readonly json: string;
  /** The greatest id plus 1. */
  readonly vocabularySize: number;
  /** The model's own, where it came with one. */
  readonly chatTemplate: ChatTemplate | undefined;
  /** In a `chatTokenizer`: what stands around every text. */
  readonly chat?: ChatTurn;
  encode(text: string, options?: EncodeOptions): Promise<number[]>;
  encodeBatch(texts: readonly string[], options?: EncodeOptions): Promise<number[][]>;
  /**
   * `encodeBatch`, and where in its text each token ends, in characters (code points); 0 for tokens that stand in no text.
   * Absent where texts are not all that is encoded, as in a chat.
   */
  encodeWithEnds?(texts: readonly string[]): Promise<EncodedWithEnds[]>;
  /**
   * The length of `encode(text)` without waiting, for prompt builders that cut to a budget.
   * @throws CorellaError `llm/count-tokens` for models other than BPE
   */
  countTokens(text: string): number;
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean }): Promise<string>;
  tokenOf(id: number): string | undefined;
  idOf(token: string): number | undefined;
  /** True of the tokens that no text becomes: special ones, and those that mean turns though they are not called so. */
  isSpecial(id: number): boolean;
}

/**
 * Loads a tokenizer.
 * @param source a model folder with tokenizer.json, the path of such a file, or its parsed or unparsed content
 * @param chatTemplate default: that of the folder
 * @throws CorellaError `llm/tokenizer`, `llm/unreadable`, `llm/bad-json`, `llm/chat-template`
 */
export async function loadTokenizer(
  source: string | object,
  chatTemplate?: ChatTemplate,
): Promise<TextTokenizer> {
  const inMemory = "a tokenizer in memory";
  if (typeof source !== "string") return createTokenizer(source, inMemory, chatTemplate);
  if (source.trimStart().startsWith("{"))
    return createTokenizer(JSON.parse(source) as object, inMemory, chatTemplate);
  const path = source.endsWith(".json") ? source : join(source, "tokenizer.json");
  const folder = dirname(path);
  const content = await withConfiguredTokens(asObject(await readJson(path), path), folder);
  return createTokenizer(content, path, chatTemplate ?? (await readChatTemplate(folder)));
}

function createTokenizer(
  content: object,
  place: string,
  chatTemplate: ChatTemplate | undefined,
): TextTokenizer {
  const parsed = parseTokenizerJson(content, place);
  const json = JSON.stringify(content);
  const open = (variant: object): Tokenizer => {
    try {
      // A file may hold the truncation and padding of its training; transformers leaves both to the caller.
      return Tokenizer.fromString(JSON.stringify({ ...variant, truncation: null, padding: null }));
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
  const template = chatTemplate?.source ?? "";
  /** Some vocabularies have tokens of the chat format that are not special; the template tells them, or their look. */
  const isControl = ({ special, content: string }: AddedToken): boolean =>
    special || looksLikeControl(string) || (/^[<[].+[>\]]$/.test(string) && template.includes(string));
  const parsing = open(withBytesApart(parsed));
  const plain = withoutTokens(withBytesApart(parsed), isControl, "unreachable");
  const instances: Partial<Record<"text" | "split", Tokenizer>> = {};
  const instance = (kind: "text" | "parse" | "split"): Tokenizer =>
    kind === "parse"
      ? parsing
      : (instances[kind] ??= open(
          kind === "text" ? plain : withoutTokens(parsed, (token) => token.special, "kept"),
        ));
  const vocabulary = parsing.getVocab(true);
  let vocabularySize = 0;
  for (const id of Object.values(vocabulary)) vocabularySize = Math.max(vocabularySize, id + 1);
  // The library numbers added tokens itself where the file's ids have gaps.
  const special = new Set(
    parsed.added_tokens.filter(isControl).map(({ id, content: string }) => vocabulary[string] ?? id),
  );
  let counter: ((text: string) => number) | undefined;

  return {
    json,
    vocabularySize,
    chatTemplate,
    async encode(text, options = {}) {
      const whole = text + (options.answer ?? "");
      const encoding = await instance(options.specialTokens ?? "text").encode(whole, null, {
        addSpecialTokens: options.addSpecialTokens ?? true,
      });
      return encoding.getIds();
    },
    async encodeBatch(texts, options = {}) {
      if (texts.length === 0) return [];
      const wholes = texts.map((text) => text + (options.answer ?? ""));
      const encodings = await instance(options.specialTokens ?? "text").encodeBatch(wholes, {
        addSpecialTokens: options.addSpecialTokens ?? true,
      });
      return encodings.map((encoding) => encoding.getIds());
    },
    async encodeWithEnds(texts) {
      if (texts.length === 0) return [];
      const encodings = await instance("text").encodeBatch([...texts], { addSpecialTokens: true });
      return encodings.map((encoding) => ({
        ids: encoding.getIds(),
        ends: encoding.getOffsets().map(([, end]) => end!),
      }));
    },
    countTokens(text) {
      const added_tokens = parsed.added_tokens.filter((token) => !isControl(token));
      counter ??= createTokenCounter({ ...plain, added_tokens }, instance("text"), place);
      return counter(text);
    },
    decode: (ids, options = {}) => parsing.decode(Array.from(ids), options.skipSpecialTokens ?? false),
    tokenOf: (id) => parsing.idToToken(id) ?? undefined,
    isSpecial: (id) => special.has(id),
    idOf: (token) => (Object.hasOwn(vocabulary, token) ? vocabulary[token] : undefined),
  };
}
