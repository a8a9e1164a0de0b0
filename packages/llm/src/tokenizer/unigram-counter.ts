import type { UnigramModel } from "./tokenizer-json.ts";

/** What the library takes off the least score for a character that no piece has. */
const unknownPenalty = 10;

/**
 * Counts the pieces of a text's likeliest segmentation (Viterbi; Kudo 2018, section 3.2), as the library's Unigram model cuts it: what no
 * piece has becomes one unknown piece, however long, or its bytes where the vocabulary has these.
 * @returns the number of pieces of a word as the pre-tokeniser leaves it
 */
export function unigramCounter({ vocab, byte_fallback }: UnigramModel): (word: string) => number {
  const scores = new Map<string, number>(vocab);
  const least = vocab.reduce((lowest, [, score]) => Math.min(lowest, score), 0);
  const longest = vocab.reduce((most, [piece]) => Math.max(most, piece.length), 1);
  const hasBytes = byte_fallback === true && scores.has("<0x00>");
  const unknownScore = least - unknownPenalty;
  return (word) => {
    // Of each end of a piece, in UTF-16 units: the best score up to it, where its piece begins, and whether that is unknown.
    const best = new Float64Array(word.length + 1).fill(Number.NEGATIVE_INFINITY);
    const from = new Int32Array(word.length + 1);
    const unknown = new Uint8Array(word.length + 1);
    best[0] = 0;
    for (let start = 0; start < word.length;) {
      const width = word.codePointAt(start)! > 0xff_ff ? 2 : 1;
      let isKnown = false;
      const most = Math.min(word.length, start + longest);
      for (let end = start + width; end <= most; end++) {
        const score = scores.get(word.slice(start, end));
        if (score === undefined) continue;
        if (end === start + width) isKnown = true;
        const sum = best[start]! + score;
        if (sum <= best[end]!) continue;
        [best[end], from[end], unknown[end]] = [sum, start, 0];
      }
      const sum = best[start]! + unknownScore;
      if (!isKnown && sum > best[start + width]!)
        [best[start + width], from[start + width], unknown[start + width]] = [sum, start, 1];
      start += width;
    }
    let count = 0;
    let wasUnknown = false;
    for (let end = word.length; end > 0; end = from[end]!) {
      const isUnknown = unknown[end] === 1;
      if (isUnknown && hasBytes) count += Buffer.byteLength(word.slice(from[end], end));
      else if (!isUnknown || !wasUnknown) count += 1;
      wasUnknown = isUnknown;
    }
    return count;
  };
}
