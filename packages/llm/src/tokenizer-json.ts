import { CorellaError } from "@corella/errors";
import { z } from "zod";

const addedToken = z.looseObject({ id: z.int().nonnegative(), content: z.string(), special: z.boolean() });
const merge = z.union([z.string(), z.tuple([z.string(), z.string()])]);

const tokenizerJson = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  post_processor: z.unknown(),
  model: z.discriminatedUnion("type", [
    z.looseObject({
      type: z.literal("BPE"),
      vocab: z.record(z.string(), z.int().nonnegative()),
      merges: z.array(merge),
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
      unk_id: z.int().nullish(),
    }),
    z.looseObject({
      type: z.literal("WordPiece"),
      vocab: z.record(z.string(), z.int().nonnegative()),
      unk_token: z.string(),
    }),
  ]),
});

/** What we read of a tokenizer.json. */
export type TokenizerJson = z.infer<typeof tokenizerJson>;
export type BpeModel = Extract<TokenizerJson["model"], { type: "BPE" }>;

/** @throws CorellaError `llm/tokenizer` */
export function parseTokenizerJson(content: unknown, place: string): TokenizerJson {
  const parsed = tokenizerJson.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new CorellaError({
    code: "llm/tokenizer",
    message: `${issue.path.join(".") || "The tokenizer"}: ${issue.message}.`,
    place,
    remedy: "Use a tokenizer.json with a BPE, Unigram or WordPiece model.",
  });
}

/**
 * The tokenizer for which the strings of special tokens are plain characters.
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
