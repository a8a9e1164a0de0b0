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

/** What `yesNoIds` finds: the first tokens of the two answers, and how prompts must end before them. */
export interface YesNoIds extends AnswerIds, PromptEnd {}

/**
 * The ids by which a model says yes or no after a prompt, from the joint tokenisation of prompt and answer: what follows
 * the tokens that both answers share with the prompt. A prompt that does not end in white space gets a space before the
 * answer. Only the prompt's end matters, so any rendered prompt of a template will do; for a `chatTokenizer` only the
 * chat's format.
 * @throws CorellaError `llm/answers` when the two answers begin with the same token, no cut of the prompt ends where the
 * answers begin, or the tokenizer ends every text with a token of its own
 */
export async function yesNoIds(
  tokenizer: TextTokenizer,
  prompt: string,
  answers: { readonly yes: string; readonly no: string } = { yes: "Yes", no: "No" },
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
  const space = /\s$/.test(ending) || ending === "" ? "" : " ";
  const yes = await tokenizer.encode(prompt, { answer: space + answers.yes });
  const no = await tokenizer.encode(prompt, { answer: space + answers.no });
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
    throw fail(`The answers ${answers.yes} and ${answers.no} begin with the same tokens.`);
  const end = chat === undefined ? /\s*$/.exec(prompt)![0] : "";
  const ends: PromptEnd[] = Array.from({ length: end.length + 1 }, (_, cut) => ({
    dangling: end.slice(end.length - cut),
    appended: "",
  }));
  if (space !== "" && chat === undefined) ends.push({ dangling: "", appended: space });
  for (const promptEnd of ends) {
    const ids = await tokenizer.encode(cutPrompt(prompt, promptEnd));
    if (ids.length === shared && ids.every((id, i) => id === yes[i]))
      return { yes: yesId, no: noId, ...promptEnd };
  }
  throw fail("The answers' first tokens begin inside the prompt's last word.");
}

/** The prompt as the model must see it: without the white space that belongs to the answer's token. */
export function cutPrompt(prompt: string, { dangling, appended }: PromptEnd): string {
  const cut = dangling !== "" && prompt.endsWith(dangling) ? prompt.slice(0, -dangling.length) : prompt;
  return cut + appended;
}
