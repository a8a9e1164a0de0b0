import { randomUUID } from "node:crypto";
import { z } from "zod";
import { parseContent } from "../files/parse-config.ts";

/** Byte-pair encoding in a tokenizer.json (Sennrich et al. 2016). */
export interface BpeModel {
  readonly type: "BPE";
  readonly vocab: Readonly<Record<string, number>>;
  /** Two pieces, or both in one string with a space between. */
  readonly merges: readonly (string | readonly [string, string])[];
  readonly unk_token?: string | null | undefined;
  readonly byte_fallback?: boolean | null | undefined;
  readonly ignore_merges?: boolean | null | undefined;
  readonly continuing_subword_prefix?: string | null | undefined;
  readonly end_of_word_suffix?: string | null | undefined;
  readonly fuse_unk?: boolean | null | undefined;
}

/** A unigram language model in a tokenizer.json (Kudo 2018): pieces with their log probabilities. */
export interface UnigramModel {
  readonly type: "Unigram";
  readonly vocab: readonly (readonly [string, number])[];
  /** Place of the piece that stands for what no piece has. */
  readonly unk_id?: number | null | undefined;
  readonly byte_fallback?: boolean | null | undefined;
}

/** WordPiece in a tokenizer.json, BERT's model. */
export interface WordPieceModel {
  readonly type: "WordPiece";
  readonly vocab: Readonly<Record<string, number>>;
  readonly unk_token: string;
}

/** A token that stands beside the model's vocabulary in a tokenizer.json. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  /** True: looked for in the text as the normaliser leaves it. */
  readonly normalized?: boolean | undefined;
  readonly single_word?: boolean | undefined;
  readonly lstrip?: boolean | undefined;
  readonly rstrip?: boolean | undefined;
}

/** What is read of a tokenizer.json; its other fields are kept. */
export interface TokenizerJson {
  readonly added_tokens: readonly AddedToken[];
  readonly pre_tokenizer?: unknown;
  readonly post_processor?: unknown;
  readonly model: BpeModel | UnigramModel | WordPieceModel;
}

const tokenId = z.int().nonnegative();
const tokenizerJson: z.ZodType<TokenizerJson> = z.looseObject({
  added_tokens: z
    .array(
      z.looseObject({
        id: tokenId,
        content: z.string(),
        special: z.boolean(),
        normalized: z.boolean().optional(),
        single_word: z.boolean().optional(),
        lstrip: z.boolean().optional(),
        rstrip: z.boolean().optional(),
      }),
    )
    .default([]),
  pre_tokenizer: z.unknown(),
  post_processor: z.unknown(),
  model: z.discriminatedUnion("type", [
    z.looseObject({
      type: z.literal("BPE"),
      vocab: z.record(z.string(), tokenId),
      merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
      unk_token: z.string().nullish(),
      byte_fallback: z.boolean().nullish(),
      ignore_merges: z.boolean().nullish(),
      continuing_subword_prefix: z.string().nullish(),
      end_of_word_suffix: z.string().nullish(),
      fuse_unk: z.boolean().nullish(),
    }),
    z.looseObject({
      type: z.literal("Unigram"),
      vocab: z.array(z.tuple([z.string(), z.number()])),
      unk_id: tokenId.nullish(),
      byte_fallback: z.boolean().nullish(),
    }),
    z.looseObject({
      type: z.literal("WordPiece"),
      vocab: z.record(z.string(), tokenId),
      unk_token: z.string(),
    }),
  ]),
});

/**
 * Checks the content of a tokenizer.json.
 * @param place the file, for the error
 * @throws CorellaError `llm/tokenizer`
 */
export function parseTokenizerJson(content: unknown, place: string): TokenizerJson {
  return parseContent(tokenizerJson, content, place, {
    code: "llm/tokenizer",
    whole: "The tokenizer",
    remedy: "Use a tokenizer.json with a BPE, Unigram or WordPiece model.",
  });
}

/**
 * A tokenizer.json in which no text becomes the token of a byte by naming it, such as `<0x0A>`: a model that looks up whole words, or any
 * piece, would take it for that byte.
 */
export function withBytesApart(json: TokenizerJson): TokenizerJson {
  const { model, pre_tokenizer } = json;
  const looksUp = model.type === "Unigram" || (model.type === "BPE" && model.ignore_merges === true);
  if (!looksUp || model.byte_fallback !== true) return json;
  // Behind the tokenizer's own, so that all else stays as it is.
  const apart = {
    type: "Split",
    pattern: { Regex: "<(?=0x[0-9A-Fa-f]{2}>)" },
    behavior: "MergedWithPrevious",
    invert: false,
  };
  const pretokenizers =
    pre_tokenizer === undefined || pre_tokenizer === null ? [apart] : [pre_tokenizer, apart];
  return { ...json, pre_tokenizer: { type: "Sequence", pretokenizers } };
}

/**
 * A tokenizer.json for which the strings of some added tokens are plain characters.
 * @param isPlain which ones
 * @param pieces `unreachable` also renames them among the model's pieces, and the one for what no piece has, which a model that looks up
 * whole words, or any piece, would otherwise pick like all others; `kept` leaves them
 */
export function withoutTokens(
  json: TokenizerJson,
  isPlain: (token: AddedToken) => boolean,
  pieces: "unreachable" | "kept",
): TokenizerJson {
  const plain = new Set(json.added_tokens.filter(isPlain).map((token) => token.content));
  const { model } = json;
  const unknown = model.type === "Unigram" ? model.vocab[model.unk_id ?? -1]?.[0] : model.unk_token;
  if (pieces === "unreachable" && typeof unknown === "string") plain.add(unknown);
  const isKept = (piece: string): boolean => pieces === "kept" || !plain.has(piece);
  // A name that no text has, since nobody knows it: the sender of a text may well know this program.
  const secret = randomUUID();
  const hidden = (piece: string): string => `\u{10FFFD}${secret}${piece}\u{10FFFD}`;
  const renamed = (piece: string): string => (isKept(piece) ? piece : hidden(piece));
  const inModel = new Set(
    model.type === "Unigram" ? model.vocab.map(([piece]) => piece) : Object.keys(model.vocab),
  );
  // The library numbers added tokens that are no pieces one after another, so none of these may be missing.
  const added_tokens = json.added_tokens.flatMap((token) => {
    if (!plain.has(token.content)) return [token];
    return inModel.has(token.content) && isKept(token.content)
      ? []
      : [{ ...token, content: hidden(token.content) }];
  });
  if (pieces === "kept") return { ...json, added_tokens };
  if (model.type === "Unigram") {
    const vocab = model.vocab.map(([piece, score]): [string, number] => [renamed(piece), score]);
    return { ...json, added_tokens, model: { ...model, vocab } };
  }
  const vocab = Object.fromEntries(Object.entries(model.vocab).map(([piece, id]) => [renamed(piece), id]));
  if (model.type === "WordPiece")
    return { ...json, added_tokens, model: { ...model, vocab, unk_token: renamed(model.unk_token) } };
  // Nor do pairs merge to them.
  const merges = model.merges.filter((merge) => {
    const [left, right] = typeof merge === "string" ? (merge.split(" ") as [string, string]) : merge;
    return isKept(left) && isKept(right) && isKept(left + right);
  });
  const unk_token = typeof unknown === "string" ? renamed(unknown) : unknown;
  return { ...json, added_tokens, model: { ...model, vocab, merges, unk_token } };
}
