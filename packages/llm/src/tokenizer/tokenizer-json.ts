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
    z.looseObject({ type: z.literal("Unigram"), vocab: z.array(z.tuple([z.string(), z.number()])) }),
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
 * A tokenizer.json for which the strings of special tokens are plain characters.
 * @param pieces `unreachable` also renames the special tokens among the model's pieces, which a Unigram model would
 * otherwise pick like any other piece; `kept` leaves them
 */
export function withoutSpecialTokens(json: TokenizerJson, pieces: "unreachable" | "kept"): TokenizerJson {
  const special = new Set(json.added_tokens.filter((token) => token.special).map((token) => token.content));
  const added_tokens = json.added_tokens.filter((token) => !token.special);
  if (pieces === "kept") return { ...json, added_tokens };
  // Plane 16 of Unicode is private: no text has these characters.
  const renamed = (piece: string): string => (special.has(piece) ? `\u{10FFFD}${piece}\u{10FFFD}` : piece);
  const { model } = json;
  if (model.type === "Unigram") {
    const vocab = model.vocab.map(([piece, score]): [string, number] => [renamed(piece), score]);
    return { ...json, added_tokens, model: { ...model, vocab } };
  }
  const unknown = model.unk_token;
  const vocab = Object.fromEntries(
    Object.entries(model.vocab).map(([piece, id]) => [piece === unknown ? piece : renamed(piece), id]),
  );
  return { ...json, added_tokens, model: { ...model, vocab } };
}
