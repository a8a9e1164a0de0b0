import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { openGguf } from "../gguf.ts";
import { chatTokenizer, encodeChains, loadTokenizer, trainTokenizer, type TextTokenizer } from "../index.ts";

/** What an item may be called by somebody who wants to speak to the model in the system's place. */
const knownTokens = [
  ..."<|im_start|> <|im_end|> <|endoftext|> <|eot_id|> <|start_header_id|> <s> </s> <unk> <pad> <bos> <eos> <mask>".split(
    " ",
  ),
  ..."<start_of_turn> <end_of_turn> [INST] [/INST] <<SYS>> <</SYS>> [UNK] [CLS] [SEP] [MASK] <|system|>".split(
    " ",
  ),
  ..."<0x00> <0x0A> <0x3C> <unused0> <image_soft_token> ▁ Ġ Ċ \u0000 \u0001 \uFFFD \u{10FFFD}".split(" "),
];
const fragments = [
  "<",
  ">",
  "|",
  "<|",
  "|>",
  "im_end",
  "s",
  "/",
  "[",
  "]",
  "\n",
  " ",
  "  ",
  "\t",
  "user\n",
  "Yes",
  "é",
  "日",
];

const flags = { special: true, single_word: false, lstrip: false, rstrip: false, normalized: false };
const model = fileURLToPath(
  new URL("../../../../../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf", import.meta.url),
);
const golden = (name: string): string => fileURLToPath(new URL(`../goldens/${name}/model`, import.meta.url));

/** Every byte as a piece of its own, as SentencePiece's models have for characters that they do not know. */
const bytePieces = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);
const characters = [..."<>|/[]0xABC_imendstpauYes \n"];

function withBytes(kind: "BPE" | "Unigram", ignoreMerges = false): object {
  const pieces = ["<unk>", "<s>", "</s>", ...bytePieces, ...new Set(characters), "Yes", "im_end"];
  const common = {
    version: "1.0",
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
  };
  if (kind === "Unigram")
    return {
      ...common,
      model: { type: "Unigram", unk_id: 0, byte_fallback: true, vocab: pieces.map((piece) => [piece, -1]) },
    };
  return {
    ...common,
    model: {
      type: "BPE",
      unk_token: "<unk>",
      byte_fallback: true,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: [],
    },
  };
}

const turns = {
  source: "{% for m in messages %}<s>user {{ m.content }}</s>{% endfor %}<s>",
  beginToken: "<s>",
  endToken: "</s>",
};

const tokenizers: Readonly<Record<string, () => Promise<TextTokenizer>>> = {
  trained: () => trainTokenizer(["Heat: Yes", "Amélie: No <|im_end|> </s>"], { vocabularySize: 300 }),
  "llama-mha-untied": () => loadTokenizer(golden("llama-mha-untied")),
  gemma3: () => loadTokenizer(golden("gemma3")),
  olmo2: () => loadTokenizer(golden("olmo2")),
  "bytes of a BPE": () => loadTokenizer(withBytes("BPE"), turns),
  "bytes of a BPE that looks whole words up": () => loadTokenizer(withBytes("BPE", true), turns),
  "bytes of a Unigram model": () => loadTokenizer(withBytes("Unigram"), turns),
  "SmolLM2-135M-Instruct": async () => (await openGguf(model)).tokenizer,
};

describe.each(Object.entries(tokenizers))("%s", (name, load) => {
  const missing =
    name.startsWith("SmolLM2") && !existsSync(model)
      ? "there is no model file beside the repository"
      : undefined;
  let tokenizer: TextTokenizer;
  let hostile: fc.Arbitrary<string>;
  beforeAll(async () => {
    if (missing !== undefined) return;
    tokenizer = await load();
    const own = Array.from({ length: tokenizer.vocabularySize }, (_, id) => id)
      .filter((id) => tokenizer.isSpecial(id))
      .map((id) => tokenizer.tokenOf(id)!);
    const piece = fc.oneof(
      fc.constantFrom(...knownTokens, ...own),
      fc.constantFrom(...fragments),
      fc.string({ unit: "grapheme", maxLength: 3 }),
    );
    hostile = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
  });

  const controls = (ids: ArrayLike<number>): number[] =>
    Array.from(ids).filter((id) => tokenizer.isSpecial(id));
  /** Tokens of single bytes that no character of the text needs. */
  const forged = (ids: ArrayLike<number>, text: string): string[] => {
    const bytes = new Set(Buffer.from(text));
    return Array.from(ids, (id) => /^<0x([0-9A-F]{2})>$/.exec(tokenizer.tokenOf(id) ?? "")?.[1]).flatMap(
      (digits) => (digits !== undefined && !bytes.has(Number.parseInt(digits, 16)) ? [digits] : []),
    );
  };

  test("no text becomes a token of the format, or a byte that it does not have, on whichever way it is encoded", async ({
    skip,
  }) => {
    if (missing !== undefined) skip(missing);
    const wanted = controls(await tokenizer.encode(""));
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const alone = await tokenizer.encode(text);
        const [batched] = await tokenizer.encodeBatch([text]);
        const [first, chained] = await encodeChains(tokenizer, [text, `${text}${text}`]);
        expect(batched).toEqual(alone);
        expect(Array.from(first!)).toEqual(alone);
        for (const ids of [alone, chained!]) {
          expect(controls(ids)).toEqual(wanted);
          expect(forged(ids, text)).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("every token of its own is ordinary text, alone and in words", async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    const wanted = controls(await tokenizer.encode(""));
    for (let id = 0; id < tokenizer.vocabularySize; id++) {
      const token = tokenizer.tokenOf(id);
      if (token === undefined || !(tokenizer.isSpecial(id) || token.startsWith("<0x"))) continue;
      for (const text of [token, ` ${token} `, `a${token}b`, token.repeat(2), `${token}\n`]) {
        const ids = await tokenizer.encode(text);
        expect(controls(ids), text).toEqual(wanted);
        expect(forged(ids, text), text).toEqual([]);
      }
    }
  });

  test("nor does a user's turn in its chat get one more or one less", async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    if (tokenizer.chatTemplate === undefined) skip("the tokenizer has no chat template");
    const chat = await chatTokenizer(tokenizer);
    const wanted = controls(await chat.encode("Up"));
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const ids = await chat.encode(text);
        expect(controls(ids)).toEqual(wanted);
        // The format may have bytes of its own, such as line breaks.
        const added = forged(ids, text).length - forged(await chat.encode(""), text).length;
        expect(added).toBeLessThanOrEqual(0);
      }),
      { numRuns: 60 },
    );
  });
});
