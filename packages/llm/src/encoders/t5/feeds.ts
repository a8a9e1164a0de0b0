import type { Batch } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { AnswerIds } from "../../decoder/decoder.ts";
import type { TextTokenizer } from "../../tokenizer/tokenizer.ts";
import type { T5Config } from "./config.ts";
import { wholeWordsOf } from "./whole-words.ts";

type Ends = Pick<T5Config, "padTokenId" | "startTokenId" | "endTokenId">;

/**
 * Makes the inputs of a T5's encoder of what `paddedFeeds` gives, padded on the right: `tokens`, `visible`, `index`, and `words` where it
 * has whole-word embeddings.
 */
export function t5Encoder(
  { wholeWords }: Pick<T5Config, "wholeWords">,
  tokenizer: Pick<TextTokenizer, "tokenOf" | "isSpecial">,
): (padded: Batch) => Batch {
  const wordsOf = wholeWordsOf(tokenizer, wholeWords);
  return (padded): Batch => {
    const [tokens, visible, index] = [padded["tokens"]!, padded["visible"]!, padded["index"]!];
    if (wholeWords === 0) return { tokens, visible, index };
    const [batch, time] = tokens.shape as [number, number];
    const words = new Int32Array(batch * time);
    for (let at = 0; at < words.length; at += time) {
      const end = visible.data.indexOf(0, at);
      words.set(wordsOf(tokens.data.subarray(at, end < 0 ? at + time : Math.min(end, at + time))), at);
    }
    return { tokens, visible, index, words: { shape: tokens.shape, data: words } };
  };
}

/** What the decoder reads when it begins an answer: its start token alone. */
export function t5Start(batch: number, { startTokenId }: Ends): Batch {
  return {
    answerTokens: { shape: [batch, 1], data: new Int32Array(batch).fill(startTokenId) },
    answerIndex: { shape: [1], data: new Int32Array(1) },
  };
}

/**
 * What the decoder reads and is to say in training, by teacher forcing: `answerTokens` are the answers behind the start token, `targets`
 * the answers. `shares` are what each token counts: every answer as much as any other, its tokens alike, the padding nothing.
 * @param answers token ids with the end token, none empty
 */
export function t5Answers(answers: readonly ArrayLike<number>[], { padTokenId, startTokenId }: Ends): Batch {
  const batch = answers.length;
  const longest = answers.reduce((most, { length }) => Math.max(most, length), 1);
  const read = new Int32Array(batch * longest).fill(padTokenId);
  const targets = new Int32Array(batch * longest).fill(padTokenId);
  const shares = new Float32Array(batch * longest);
  for (const [row, answer] of answers.entries()) {
    const ids = Array.from(answer);
    const at = row * longest;
    targets.set(ids, at);
    read.set([startTokenId, ...ids.slice(0, -1)], at);
    shares.fill(1 / (ids.length * batch), at, at + ids.length);
  }
  const shape = [batch, longest];
  return {
    answerTokens: { shape, data: read },
    answerIndex: { shape: [longest], data: Int32Array.from({ length: longest }, (_, i) => i) },
    targets: { shape, data: targets },
    shares: { shape, data: shares },
  };
}

/** Token ids of answers, each with the end token and nothing else that the tokenizer adds. */
export async function encodeAnswers(
  tokenizer: TextTokenizer,
  answers: readonly string[],
  { endTokenId }: Ends,
): Promise<number[][]> {
  const encoded = await tokenizer.encodeBatch(answers, { addSpecialTokens: false });
  return encoded.map((ids) => [...ids, endTokenId]);
}

/**
 * The first tokens of two answers, by whose logits at the decoder's first position texts are scored.
 * @throws CorellaError `llm/answers` when both begin with the same token
 */
export async function t5AnswerIds(
  tokenizer: TextTokenizer,
  answers: { readonly yes: string; readonly no: string },
): Promise<AnswerIds> {
  const [[yes], [no]] = (await tokenizer.encodeBatch([answers.yes, answers.no], {
    addSpecialTokens: false,
  })) as [number[], number[]];
  if (yes !== undefined && no !== undefined && yes !== no) return { yes, no };
  throw new CorellaError({
    code: "llm/answers",
    message: `The answers ${answers.yes} and ${answers.no} begin with the same token.`,
    place: "tokenizer.json",
    remedy: "Use a tokenizer that has a piece of its own for the beginning of each.",
  });
}
