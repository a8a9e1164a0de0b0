import type { TextTokenizer } from "../../tokenizer/tokenizer.ts";

/** Signs of a space at the beginning of a token: SentencePiece's, and that of byte-level tokenizers. */
const spaces = ["\u2581", "\u0120"];

/**
 * The whole-word ids of P5 (Geng et al. 2022, section 4.1): pieces of one word have the number of the word, counted from 1, so that the
 * pieces of `item_34` are told to belong together. A piece that begins with a space begins a word, and so does the first.
 * @param pieces tokens of a text; undefined for tokens that stand for no text, such as the end's, which have 0
 * @param rows of the embedding table: all words beyond have the last one
 */
export function wholeWordIds(pieces: readonly (string | undefined)[], rows: number): Int32Array {
  let word = 0;
  return Int32Array.from(pieces, (piece) => {
    if (piece === undefined) return 0;
    if (word === 0 || spaces.some((space) => piece.startsWith(space))) word += 1;
    return Math.min(word, rows - 1);
  });
}

/** Makes the whole-word ids of tokenised texts. @param rows of the embedding table */
export function wholeWordsOf(
  tokenizer: Pick<TextTokenizer, "tokenOf" | "isSpecial">,
  rows: number,
): (ids: ArrayLike<number>) => Int32Array {
  const known = new Map<number, string | undefined>();
  const pieceOf = (id: number): string | undefined => {
    if (!known.has(id)) known.set(id, tokenizer.isSpecial(id) ? undefined : tokenizer.tokenOf(id));
    return known.get(id);
  };
  return (ids) => wholeWordIds(Array.from(ids, pieceOf), rows);
}
