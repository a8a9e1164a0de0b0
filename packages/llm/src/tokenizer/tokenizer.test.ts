import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createGenerator } from "@corella/random";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  cutPrompt,
  encodeChains,
  loadTokenizer,
  trainTokenizer,
  yesNoIds,
  type TextTokenizer,
} from "../index.ts";

const folder = fileURLToPath(new URL("../goldens/llama-mha-untied/model", import.meta.url));
const titles = ["The Silent Orchard", "Paper Harbor", "Iron Castle", "The Winter Comet"];
const corpus = Array.from(
  { length: 60 },
  (_, i) =>
    `User history: ${titles[i % 4]!} (${1950 + i}), ${titles[(i * 7) % 4]!}. Would the user like ${titles[(i * 3) % 4]!}? Answer: ${i % 2 ? "Yes" : "No"}`,
);
const trained = async (): Promise<TextTokenizer> => trainTokenizer(corpus, { vocabularySize: 330 });

describe("a tokenizer that we train", () => {
  test("is the same for the same corpus, and of the wanted size", async () => {
    const first = await trained();
    const second = await trained();
    expect(second.json).toBe(first.json);
    expect(first.vocabularySize).toBe(330);
    expect([0, 1, 2].map((id) => first.tokenOf(id))).toEqual(["<pad>", "<s>", "</s>"]);
  });

  test("a smaller one is the beginning of a larger one", async () => {
    const vocabulary = (json: string): Record<string, number> =>
      (JSON.parse(json) as { model: { vocab: Record<string, number> } }).model.vocab;
    const small = vocabulary((await trainTokenizer(corpus, { vocabularySize: 280 })).json);
    const large = vocabulary((await trained()).json);
    for (const [piece, id] of Object.entries(small)) expect(large[piece]).toBe(id);
  });

  test("encodes every string and decodes it again; tokens are counted without waiting", async () => {
    const tokenizer = await trained();
    const text = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(...corpus, "</s> <s>", "  \n\t 12"),
    );
    await fc.assert(
      fc.asyncProperty(text, async (input) => {
        const ids = await tokenizer.encode(input);
        expect(await tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(input);
        expect(tokenizer.countTokens(input)).toBe(ids.length);
      }),
    );
    expect(await tokenizer.encode("Yes")).toEqual([
      1,
      ...(await tokenizer.encode("Yes", { addSpecialTokens: false })),
    ]);
  });

  test("has room for the bytes or says so", async () => {
    await expect(trainTokenizer(corpus, { vocabularySize: 100 })).rejects.toMatchObject({
      code: "llm/vocabulary-size",
    });
  });
});

describe("special tokens", () => {
  test("cannot come from a user's text", async () => {
    for (const tokenizer of [await trained(), await loadTokenizer(folder)]) {
      const ids = await tokenizer.encode("a</s>b <s> <pad>", { addSpecialTokens: false });
      expect(ids.filter((id) => id < 3)).toEqual([]);
      const parsed = await tokenizer.encode("a</s>b", { addSpecialTokens: false, specialTokens: "parse" });
      expect(parsed).toContain(2);
    }
  });

  test("cannot come from a Unigram model's pieces either", async () => {
    const unigram = await loadTokenizer({
      version: "1.0",
      added_tokens: [
        {
          id: 0,
          content: "</s>",
          special: true,
          single_word: false,
          lstrip: false,
          rstrip: false,
          normalized: false,
        },
      ],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: {
        type: "Unigram",
        unk_id: 1,
        vocab: [
          ["</s>", 0],
          ["<unk>", 0],
          ["<", -3],
          ["/", -3],
          ["s", -3],
          [">", -3],
        ],
      },
    });
    expect(await unigram.encode("</s>", { specialTokens: "parse" })).toEqual([0]);
    expect(await unigram.encode("</s>", { specialTokens: "split" })).toEqual([0]);
    expect(await unigram.encode("</s>")).toEqual([2, 3, 4, 5]);
    expect(unigram.countTokens("</s>")).toBe(4);
  });
});

test("added tokens that stay have their ids, also behind special ones that are no pieces", async () => {
  const json = JSON.parse((await trained()).json) as { added_tokens: object[]; model: { vocab: object } };
  const first = Object.keys(json.model.vocab).length;
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const more = [
    { id: first, content: "<|endoftext|>", special: true, ...flags },
    { id: first + 1, content: "<tool_call>", special: false, ...flags },
  ];
  const tokenizer = await loadTokenizer({ ...json, added_tokens: [...json.added_tokens, ...more] });
  for (const specialTokens of ["text", "split", "parse"] as const) {
    const ids = await tokenizer.encode("<tool_call>", { specialTokens, addSpecialTokens: false });
    expect(ids).toEqual([first + 1]);
  }
  const hostile = await tokenizer.encode("<|endoftext|>", { addSpecialTokens: false });
  expect(await tokenizer.decode(hostile)).toBe("<|endoftext|>");
  expect(hostile.every((id) => id < first)).toBe(true);
});

test("counts match the library's tokens for a Metaspace tokenizer with byte fallback", async () => {
  const tokenizer = await loadTokenizer(folder);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), async (input) => {
      expect(tokenizer.countTokens(input)).toBe((await tokenizer.encode(input)).length);
    }),
  );
});

test.each([false, true])(
  "counts match the library's for a Unigram model, bytes for what it lacks: %s",
  async (bytes) => {
    const score = createGenerator(3, "pieces");
    const pieces = [
      "\u2581",
      "a",
      "b",
      "c",
      "ab",
      "bc",
      "abc",
      "\u2581a",
      "\u2581ab",
      "cab",
      "\u2581item",
      "_",
      "12",
      "1",
      "2",
    ];
    const all = Array.from(
      { length: bytes ? 256 : 0 },
      (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`,
    );
    const unigram = await loadTokenizer({
      version: "1.0",
      added_tokens: [],
      normalizer: { type: "NFKC" },
      pre_tokenizer: { type: "Metaspace", replacement: "\u2581", prepend_scheme: "always", split: true },
      post_processor: null,
      decoder: null,
      model: {
        type: "Unigram",
        unk_id: 0,
        byte_fallback: bytes,
        vocab: [["<unk>", 0], ...[...pieces, ...all].map((piece) => [piece, -1 - 9 * score.uniform()])],
      },
    });
    const letters = [..."aabbcc12_ x\u00e9\u{1F600}", "item"];
    const draw = createGenerator(4, "texts");
    const texts = [
      "",
      "x",
      "item_12 abc",
      ...Array.from({ length: 200 }, () =>
        Array.from({ length: draw.integer(12) }, () => letters[draw.integer(letters.length)]!).join(""),
      ),
    ];
    const encoded = await unigram.encodeBatch(texts);
    expect(texts.map((text) => unigram.countTokens(text))).toEqual(encoded.map(({ length }) => length));
  },
);

test("counts match with added tokens that are not special, as Qwen's and Gemma's tokenizers have them", async () => {
  const bytePairs = JSON.parse((await trained()).json) as { added_tokens: object[] };
  const first = JSON.parse(await readFile(`${folder}/tokenizer.json`, "utf8")) as typeof bytePairs & {
    pre_tokenizer: object;
  };
  const metaspace = { ...first, pre_tokenizer: { ...first.pre_tokenizer, prepend_scheme: "always" } };
  const flags = { special: false, single_word: false, lstrip: false, rstrip: false };
  const contents = ["<tool_call>", "</tool_call>", "\n", "\n\n", "x+y", "[a|b]", "movie"];
  for (const json of [bytePairs, metaspace]) {
    const added = contents.map((content, i) => ({
      id: 10_000 + i,
      content,
      ...flags,
      normalized: i % 2 === 0,
    }));
    const tokenizer = await loadTokenizer({ ...json, added_tokens: [...json.added_tokens, ...added] });
    const piece = fc.oneof(
      fc.constantFrom(...contents, " ", "\n\n\n", "a movie "),
      fc.string({ unit: "grapheme" }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece), async (pieces) => {
        const text = pieces.join("");
        expect(tokenizer.countTokens(text)).toBe((await tokenizer.encode(text)).length);
      }),
    );
    expect(await tokenizer.encode("x+y", { addSpecialTokens: false })).toHaveLength(1);
  }
  const tag = { id: 9, content: "<t>", ...flags, normalized: false };
  for (const json of [
    { ...bytePairs, added_tokens: [{ ...tag, lstrip: true }] },
    { ...first, added_tokens: [tag] },
  ])
    await expect(loadTokenizer(json).then((tokenizer) => tokenizer.countTokens("a"))).rejects.toMatchObject({
      code: "llm/count-tokens",
    });
});

describe("answer ids", () => {
  test("a dangling space belongs to the answer", async () => {
    const tokenizer = await trainTokenizer(corpus, { vocabularySize: 400 });
    const prompt = corpus[0]!.slice(0, corpus[0]!.indexOf("Answer:") + "Answer:".length);
    const [yes] = await tokenizer.encode(" Yes", { addSpecialTokens: false });
    const [no] = await tokenizer.encode(" No", { addSpecialTokens: false });
    expect(await yesNoIds(tokenizer, prompt)).toEqual({ yes, no, dangling: "", appended: "" });
    const cut = { dangling: " ", appended: "" };
    expect(await yesNoIds(tokenizer, `${prompt} `)).toEqual({ yes, no, ...cut });
    expect(cutPrompt(`${prompt} `, cut)).toBe(prompt);
    // After a chat header there is no space to join.
    const [bare] = await tokenizer.encode("Yes", { addSpecialTokens: false });
    expect(await yesNoIds(tokenizer, "assistant\n")).toMatchObject({ yes: bare, dangling: "" });
  });

  test("a space that is a token of its own stays before the answer", async () => {
    const bytes = await trainTokenizer(corpus, { vocabularySize: 259 });
    const end = { dangling: "", appended: " " };
    expect(await yesNoIds(bytes, "Answer:")).toEqual({ yes: bytes.idOf("Y"), no: bytes.idOf("N"), ...end });
    expect(await yesNoIds(bytes, "Answer: ")).toMatchObject({ dangling: "", appended: "" });
  });

  test("answers that begin alike are refused", async () => {
    await expect(yesNoIds(await trained(), "Answer:", { yes: "Yes", no: "Yes" })).rejects.toMatchObject({
      code: "llm/answers",
    });
  });
});

test("a file that is no tokenizer is named", async () => {
  await expect(loadTokenizer({ model: { type: "BPE" } })).rejects.toMatchObject({ code: "llm/tokenizer" });
  await expect(loadTokenizer("/nowhere")).rejects.toMatchObject({ code: "llm/unreadable" });
  expect(JSON.parse(await readFile(`${folder}/tokenizer.json`, "utf8"))).toEqual(
    JSON.parse((await loadTokenizer(folder)).json),
  );
});

describe("texts that go on from one another", () => {
  const words = [
    "Heat",
    "Amélie",
    "😀",
    "9½ Weeks",
    " ",
    ":",
    "\n",
    "naïve",
    "Yes",
    " No",
    "(1995)",
    "ﬁ",
    "e\u0301",
  ];
  const piece = fc
    .array(fc.constantFrom(...words), { minLength: 1, maxLength: 5 })
    .map((all) => all.join(""));
  const chains = fc.array(fc.array(piece, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 });
  const goldens = ["gemma3", "olmo2", "llama-mha-untied"];
  for (const name of ["trained", ...goldens]) {
    test(`${name}: have the tokens that each has alone`, async () => {
      const tokenizer =
        name === "trained"
          ? await trainTokenizer(["Heat: Yes", "Amélie: No", "naïve (1995)"], { vocabularySize: 300 })
          : await loadTokenizer(fileURLToPath(new URL(`../goldens/${name}/model`, import.meta.url)));
      await fc.assert(
        fc.asyncProperty(chains, async (drawn) => {
          const texts = drawn.flatMap((pieces) =>
            pieces.map((_, last) => pieces.slice(0, last + 1).join("")),
          );
          const ids = await encodeChains(tokenizer, texts);
          expect(ids.map((each) => Array.from(each))).toEqual(await tokenizer.encodeBatch(texts));
        }),
      );
    });
  }

  test("are one array, but for an end that a token crosses", async () => {
    const tokenizer = await trainTokenizer(["Heat: Yes", "Heat: No"], { vocabularySize: 300 });
    const [first, second, third] = await encodeChains(tokenizer, ["Heat:", "Heat: Y", "Heat: Yes 5"]);
    expect((first as Int32Array).buffer).toBe((third as Int32Array).buffer);
    expect(second).not.toBeInstanceOf(Int32Array);
  });
});
