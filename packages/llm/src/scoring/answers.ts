import { CorellaError } from "@corella/errors";
import type { AnswerIds } from "../decoder/decoder.ts";
import type { TextTokenizer } from "../tokenizer/tokenizer.ts";

/** How a prompt must end so that the answer's first token comes next. */
export interface PromptEnd {
  /**
   * The white space to cut from the end of every prompt, because the answer's token begins with it: after
   * "Answer: " cut to "Answer:" the next token is " Yes". Empty where nothing is cut.
   */
  readonly dangling: string;
  /** What to add instead, where the space is a token of its own. Mostly empty. */
  readonly appended: string;
}

/** A word by which the model answers, or several that say the same, the first of which is the one to learn. */
export type AnswerWords = string | readonly string[];

/** What `yesNoIds` finds: the first tokens of the two answers, and how prompts must end before them. */
export interface YesNoIds extends AnswerIds, PromptEnd {}

/**
 * The ids by which a model says yes or no after a prompt, from the joint tokenisation of prompt and answer: what follows
 * the tokens that both answers share with the prompt. A prompt that does not end in white space gets a space before the
 * answer, unless the answer brings its own. Only the prompt's end matters, so any rendered prompt of a template will do; for
 * a `chatTokenizer` only the chat's format.
 *
 * Of a word alone the first token counts. Where an answer has several words each must be one token; those that are the same
 * token count once.
 * @throws CorellaError `llm/answers` when the two answers begin with the same token, no cut of the prompt ends where the
 * answers begin, the tokenizer ends every text with a token of its own, or one of several words is not one token
 */
export async function yesNoIds(
  tokenizer: TextTokenizer,
  prompt: string,
  answers: { readonly yes: AnswerWords; readonly no: AnswerWords } = { yes: "Yes", no: "No" },
): Promise<YesNoIds> {
  const fail = (message: string): CorellaError =>
    new CorellaError({
      code: "llm/answers",
      message,
      place: JSON.stringify(prompt.slice(-40)),
      remedy: 'End the prompt with "Answer:" or "Answer: ", or choose other answers.',
    });
  // In a chat the answer follows the turn's end, whatever the prompt's.
  const { chat } = tokenizer;
  const ending = chat === undefined ? prompt : chat.after;
  const space = chat?.lead ?? (/\s$/.test(ending) || ending === "" ? "" : " ");
  const words = { yes: wordsOf(answers.yes), no: wordsOf(answers.no) };
  const [yesWord, noWord] = [words.yes[0]!, words.no[0]!];
  const yes = await tokenizer.encode(prompt, { answer: joined(space, yesWord) });
  const no = await tokenizer.encode(prompt, { answer: joined(space, noWord) });
  let shared = 0;
  while (shared < yes.length && shared < no.length && yes[shared] === no[shared]) shared += 1;
  const last = yes.at(-1);
  if (last !== undefined && tokenizer.isSpecial(last)) {
    throw new CorellaError({
      code: "llm/answers",
      message: `The tokenizer ends every text with the token ${tokenizer.tokenOf(last)}, behind which there is no answer.`,
      place: "tokenizer.json",
      remedy:
        "Take the token out of the post_processor's template, as a tokenizer saved with add_eos_token: false has it.",
    });
  }
  const yesId = yes[shared];
  const noId = no[shared];
  if (yesId === undefined || noId === undefined)
    throw fail(`The answers ${yesWord} and ${noWord} begin with the same tokens.`);
  const end = chat === undefined ? /\s*$/.exec(prompt)![0] : "";
  const ends: PromptEnd[] = Array.from({ length: end.length + 1 }, (_, cut) => ({
    dangling: end.slice(end.length - cut),
    appended: "",
  }));
  if (space !== "" && chat === undefined) ends.push({ dangling: "", appended: space });
  for (const promptEnd of ends) {
    const ids = await tokenizer.encode(cutPrompt(prompt, promptEnd));
    if (ids.length !== shared || ids.some((id, i) => id !== yes[i])) continue;
    const lead = promptEnd.appended === "" ? promptEnd.dangling || space : "";
    const tokensOf = (list: readonly string[]): Promise<number[]> =>
      variantTokens(tokenizer, { prompt: cutPrompt(prompt, promptEnd), ids, lead }, list, fail);
    const [ofYes, ofNo] = [await tokensOf(words.yes), await tokensOf(words.no)];
    const both = [yesId, ...ofYes].find((id) => id === noId || ofNo.includes(id));
    if (both !== undefined)
      throw fail(`The token ${JSON.stringify(tokenizer.tokenOf(both))} stands for yes and for no.`);
    const variants = { yes: ofYes.filter((id) => id !== yesId), no: ofNo.filter((id) => id !== noId) };
    const several = variants.yes.length + variants.no.length > 0;
    return { yes: yesId, no: noId, ...(several ? { variants } : {}), ...promptEnd };
  }
  throw fail("The answers' first tokens begin inside the prompt's last word.");
}

function wordsOf(answer: AnswerWords): readonly [string, ...string[]] {
  const [first = "", ...others] = typeof answer === "string" ? [answer] : answer;
  return [first, ...others];
}

/** A word behind a space, unless it brings white space of its own. */
function joined(space: string, word: string): string {
  return /^\s/.test(word) ? word : space + word;
}

/** The tokens of several words behind the prompt as the model sees it, each once; of one word none. */
async function variantTokens(
  tokenizer: TextTokenizer,
  behind: { readonly prompt: string; readonly ids: readonly number[]; readonly lead: string },
  words: readonly string[],
  fail: (message: string) => CorellaError,
): Promise<number[]> {
  if (words.length < 2) return [];
  const tokens = new Set<number>();
  for (const word of words) {
    const ids = await tokenizer.encode(behind.prompt, { answer: joined(behind.lead, word) });
    const own = ids.slice(behind.ids.length);
    if (own.length !== 1 || behind.ids.some((id, i) => id !== ids[i])) {
      const pieces = own.map((id) => JSON.stringify(tokenizer.tokenOf(id))).join(", ");
      throw fail(`The answer ${JSON.stringify(word)} is not one token behind the prompt, but ${pieces}.`);
    }
    tokens.add(own[0]!);
  }
  return [...tokens];
}

/** The prompt as the model must see it: without the white space that belongs to the answer's token. */
export function cutPrompt(prompt: string, { dangling, appended }: PromptEnd): string {
  const cut = dangling !== "" && prompt.endsWith(dangling) ? prompt.slice(0, -dangling.length) : prompt;
  return cut + appended;
}
