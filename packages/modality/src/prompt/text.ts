import type { Attributes, AttributeValue } from "../log.ts";

/**
 * Stands before the target in a prompt until it is cut or rendered: a mark that cannot come from item text, because
 * `cleanText` removes it.
 */
export const targetStart = "\uE000";
/** Stands behind the target in a prompt, like `targetStart` before it. */
export const targetEnd = "\uE001";

/** Control, format, private-use, lone surrogate, line and paragraph separators; but joiners are part of some scripts. */
const unsafe = /(?:(?![\u200C\u200D])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}])+/gu;

/** What chat templates of the usual tokenizers treat as special, whatever the tokenizer at hand. */
const usualSpecialTokens =
  /<\|[^<>|]*\|>|<\/?(?:s|pad|unk|bos|eos|mask|start_of_turn|end_of_turn)>|\[\/?INST\]|<<\/?SYS>>/gi;

/**
 * Item text that is safe inside a prompt: control and private-use characters become spaces, white space is joined,
 * strings that a tokenizer may take for special tokens are broken by a space, long text is cut.
 */
export function cleanText(text: string, maxLength: number, specialTokens: readonly string[]): string {
  let clean = text.replace(unsafe, " ").replace(/\s+/g, " ").trim();
  // Characters are no more than code units, which are quickly counted.
  const characters = clean.length > maxLength ? [...clean] : [];
  if (characters.length > maxLength) clean = `${characters.slice(0, maxLength).join("").trimEnd()}…`;
  // Breaking one token may lay open another one around it; every pass adds spaces, so this ends.
  for (let before = ""; before !== clean;) {
    before = clean;
    clean = clean.replace(usualSpecialTokens, breakUp);
    for (const token of specialTokens) clean = clean.replaceAll(token, breakUp(token));
  }
  return clean;
}

function breakUp(token: string): string {
  const [first = "", ...rest] = token;
  return rest.length === 0 ? " " : `${first} ${rest.join("")}`;
}

const movedArticle = /^(.*), (The|A|An|Le|La|Les|Il|Lo|El|Los|Las|Der|Die|Das|Un|Une|Den|Det)( \(.*\))?$/;

/** "Matrix, The" -> "The Matrix", also before a further title in brackets: "Seven Samurai, The (Shichinin)". */
export function normaliseTitle(title: string): string {
  return title.replace(
    movedArticle,
    (_, name: string, article: string, rest: string | undefined) => `${article} ${name}${rest ?? ""}`,
  );
}

/** Every text of the attributes through `change`. */
export function mapText(attributes: Attributes, change: (text: string, name: string) => string): Attributes {
  // Not by assignment, which takes the name __proto__ for something else.
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]): [string, AttributeValue] => [
      name,
      typeof value === "number"
        ? value
        : typeof value === "string"
          ? change(value, name)
          : value.map((text) => change(text, name)),
    ]),
  );
}
