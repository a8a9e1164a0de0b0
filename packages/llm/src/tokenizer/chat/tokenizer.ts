import { CorellaError } from "@corella/errors";
import type { EncodeOptions, TextTokenizer } from "../tokenizer.ts";
import { userTurnRenderer, type ChatTurn } from "./template.ts";

/** A text that no prompt holds: private-use characters. */
const probe = "\uE0F0prompt\uE0F0";

/**
 * The tokenizer of an instruct model that writes every text as a user's turn, in the model's own format, and ends where the
 * answer begins. Everything that takes a tokenizer (`yesNoIds`, `createScorer`, training) then asks the model as it was
 * taught to be asked. A text never becomes a special token: where the whole turn does not have exactly the special tokens
 * of its format, the text is encoded apart, as characters.
 * @param options.system a message of the system's before every turn of the user's
 * @throws CorellaError `llm/chat-template` when the model has no template, or one that does not show the user's text or the
 * system's
 */
export async function chatTokenizer(
  tokenizer: TextTokenizer,
  { system }: { readonly system?: string | undefined } = {},
): Promise<TextTokenizer> {
  const { chatTemplate } = tokenizer;
  if (chatTemplate === undefined) {
    throw new CorellaError({
      code: "llm/chat-template",
      message: "The model has no chat template.",
      place: "chat",
      remedy: "Use an instruct model with its tokenizer_config.json, or prompts without chat.",
    });
  }
  const render = userTurnRenderer(chatTemplate, system);
  const turn = { ...turnOf(render(probe), system), ...leadOf(render) };
  const parse = (text: string): Promise<number[]> =>
    tokenizer.encode(text, { addSpecialTokens: false, specialTokens: "parse" });
  const specialIds = (ids: readonly number[]): string => ids.filter((id) => tokenizer.isSpecial(id)).join();
  const [before, after] = [await parse(turn.before), await parse(turn.after)];
  const format = specialIds([...before, ...after]);
  const added = (await tokenizer.encode("")).length;
  // Between the special tokens nearest to it, the text is tokenised together with words of the format.
  const opening = before.findLastIndex((id) => tokenizer.isSpecial(id));
  const closing = after.findIndex((id) => tokenizer.isSpecial(id));
  const fixedStart = opening < 0 ? "" : throughLast(turn.before, tokenizer.tokenOf(before[opening]!)!);
  const fixedEnd = closing < 0 ? "" : fromFirst(turn.after, tokenizer.tokenOf(after[closing]!)!);
  const fixed = opening + 1 + (closing < 0 ? 0 : after.length - closing) - added;

  const encode = async (text: string, { answer = "" }: EncodeOptions = {}): Promise<number[]> => {
    const whole = render(text);
    const ids = await parse(whole + answer);
    if (specialIds(ids) === format) return ids;
    const shown =
      whole.startsWith(turn.before) && whole.endsWith(turn.after)
        ? whole.slice(turn.before.length, whole.length - turn.after.length)
        : text;
    const characters = await tokenizer.encode(shown, { addSpecialTokens: false });
    return [...before, ...characters, ...(await parse(turn.after + answer))];
  };
  // Its texts are not all that is encoded.
  const { encodeWithEnds: _, ...plain } = tokenizer;
  return {
    ...plain,
    chat: turn,
    encode,
    encodeBatch: (texts, options) => Promise.all(texts.map((text) => encode(text, options))),
    countTokens(text) {
      const whole = render(text);
      return fixed + tokenizer.countTokens(whole.slice(fixedStart.length, whole.length - fixedEnd.length));
    },
  };
}

/** Whether an answer follows the turn at once in the model's own conversations, where yesNoIds would take a space for granted. */
function leadOf(render: (prompt: string, answer?: string) => string): Pick<ChatTurn, "lead"> {
  const [asked, answer] = [render(probe), `${probe}answer`];
  if (/\s$/.test(asked)) return {};
  try {
    return render(probe, answer).startsWith(asked + answer) ? { lead: "" } : {};
  } catch {
    return {};
  }
}

function throughLast(text: string, token: string): string {
  return text.slice(0, text.lastIndexOf(token) + token.length);
}

function fromFirst(text: string, token: string): string {
  return text.slice(text.indexOf(token));
}

function turnOf(rendered: string, system: string | undefined): ChatTurn {
  const parts = rendered.split(probe);
  if (system !== undefined && !parts[0]!.includes(system.trim())) {
    throw new CorellaError({
      code: "llm/chat-template",
      message: "The chat template does not show the system's message.",
      place: "chat_template",
      remedy: "Put the message into the prompt, or use a model whose template knows the system.",
    });
  }
  if (parts.length === 2)
    return { before: parts[0]!, after: parts[1]!, ...(system === undefined ? {} : { system }) };
  throw new CorellaError({
    code: "llm/chat-template",
    message: `The chat template shows the user's text ${parts.length - 1} times instead of once.`,
    place: "chat_template",
    remedy: "Use a model with a chat template for a single user's turn, or prompts without chat.",
  });
}
