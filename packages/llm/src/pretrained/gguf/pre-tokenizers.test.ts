import { Tokenizer } from "tokenizers";
import { expect, test } from "vitest";
import { preTokenizers } from "./pre-tokenizers.ts";

/** The words that a text is cut into, in the alphabet of bytes: Ġ is a space, Ċ a line's end, Ìģ an accent. */
function cut(name: string, text: string): string {
  const tokenizer = Tokenizer.fromString(
    JSON.stringify({
      version: "1.0",
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: "Sequence", pretokenizers: preTokenizers[name]!.steps },
      post_processor: null,
      decoder: null,
      model: { type: "BPE", vocab: { a: 0 }, merges: [] },
    }),
  );
  return tokenizer
    .getPreTokenizer()!
    .preTokenizeString(text)
    .map(([word]) => word)
    .join("|");
}

// By the published expressions: contractions, digits, capitals, signs and line's ends, scripts, marks.
const text = "I'M 12345 HelloWorld a.b/\n\nx  日本 e\u0301x $5";
const japanese = "æĹ¥æľ¬";

test.each<[string, string]>([
  // Signs apart from their space; digits by three.
  ["default", `I|'|M|Ġ|123|45|ĠHelloWorld|Ġa|.|b|/|Ċ|Ċ|x|Ġ|Ġ${japanese}|Ġe|Ìģ|x|Ġ|$|5`],
  ["gpt-2", `I|'|M|Ġ12345|ĠHelloWorld|Ġa|.|b|/|Ċ|Ċ|x|Ġ|Ġ${japanese}|Ġe|Ìģ|x|Ġ$|5`],
  ["smollm", `I|'|M|Ġ|1|2|3|4|5|ĠHelloWorld|Ġa|.|b|/|Ċ|Ċ|x|Ġ|Ġ${japanese}|Ġe|Ìģ|x|Ġ$|5`],
  // Contractions of any case; a sign may begin a word; lines' ends stay with signs.
  ["llama-bpe", `I|'M|Ġ|123|45|ĠHelloWorld|Ġa|.b|/ĊĊ|x|Ġ|Ġ${japanese}|Ġe|Ìģx|Ġ$|5`],
  ["qwen2", `I|'M|Ġ|1|2|3|4|5|ĠHelloWorld|Ġa|.b|/ĊĊ|x|Ġ|Ġ${japanese}|Ġe|Ìģx|Ġ$|5`],
  // Marks belong to their letters.
  ["qwen35", `I|'M|Ġ|1|2|3|4|5|ĠHelloWorld|Ġa|.b|/ĊĊ|x|Ġ|Ġ${japanese}|ĠeÌģx|Ġ$|5`],
  // Words end before a capital.
  ["tekken", `I|'M|Ġ|1|2|3|4|5|ĠHello|World|Ġa|.b|/ĊĊ|x|Ġ|Ġ${japanese}|ĠeÌģx|Ġ$|5`],
  ["gpt-4o", `I'M|Ġ|123|45|ĠHello|World|Ġa|.b|/ĊĊ|x|Ġ|Ġ${japanese}|ĠeÌģx|Ġ$|5`],
  // Chinese and Japanese apart from their space.
  ["deepseek-llm", `I|'|M|Ġ|12345|ĠHelloWorld|Ġa|.|b|/|Ċ|Ċ|x|ĠĠ|${japanese}|Ġe|Ìģ|x|Ġ$|5`],
  ["deepseek-coder", `I|'|M|Ġ|1|2|3|4|5|ĠHelloWorld|Ġa|.|b|/|Ċ|Ċ|x|Ġ|Ġ|${japanese}|Ġe|Ìģ|x|Ġ$|5`],
  ["deepseek-v3", `I|'M|Ġ|123|45|ĠHelloWorld|Ġa|.b|/ĊĊ|x|ĠĠ|${japanese}|ĠeÌģx|Ġ$|5`],
])("%s", (name, words) => {
  expect(cut(name, text)).toBe(words);
});

test("deepseek-llm: letters with a case and full-width signs take a space with them, others do not", () => {
  const hex = (shown: string): string => Buffer.from(shown).toString("latin1");
  // Full-width capital and sign; a stop, which stands among the scripts of East Asia; a Georgian and a Hebrew letter; a Latin letter without a case; spaces at the end.
  expect(cut("deepseek-llm", " \uFF21 \uFF01 \u3002 \u05D0")).toBe("Ġï¼¡|Ġï¼ģ|Ġ|ãĢĤ|Ġ×Ĳ");
  expect(hex(cut("deepseek-llm", "a\u10D0b\u01BBc  "))).toBe(hex("a|áĥĲ|b|Æ»|c|ĠĠ"));
});

test("every other one is that of a model which is cut alike", () => {
  const alike: Record<string, string> = {
    "smaug-bpe": "llama-bpe",
    llama3: "llama-bpe",
    dbrx: "llama-bpe",
    "deepseek-r1-qwen": "qwen2",
    stablelm2: "qwen2",
    olmo: "gpt-2",
    starcoder: "smollm",
    llama4: "gpt-4o",
  };
  for (const [name, other] of Object.entries(alike)) expect(cut(name, text)).toBe(cut(other, text));
  for (const name of Object.keys(preTokenizers)) expect(cut(name, "a b")).toBe("a|Ġb");
  // Of Llama 3's, the beginning and the words that are tokens are its own.
  expect(preTokenizers["smaug-bpe"]).not.toMatchObject({ addsBeginning: true });
  expect(preTokenizers["llama3"]).toMatchObject({ addsBeginning: true, ignoreMerges: true });
});
