import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialValues, onnxRuntime, type Batch, type Program, type Values } from "@corella/engine";
import { parseSafetensors, toFloat32 } from "@corella/safetensors";
import { afterAll, describe, expect, test } from "vitest";
import {
  createT5Scorer,
  encodeAnswers,
  loadT5,
  saveT5,
  t5,
  t5AnswerIds,
  t5Answers,
  t5Encoder,
  t5Params,
  wholeWordIds,
  wholeWordsOf,
  wholeWordTable,
} from "../../encoders.ts";
import { paddedFeeds, trainTokenizer } from "../../index.ts";
import { t5Config, type T5Config } from "./config.ts";

// Of tooling/reference/make_t5_goldens.py.
const folder = join(import.meta.dirname, "../../goldens/t5-whole-words");
const golden = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as {
  readonly tokens: readonly (readonly number[])[];
  readonly words: readonly (readonly number[])[];
  readonly answers: readonly (readonly number[])[];
  readonly yes: number;
  readonly no: number;
  readonly wholeWords: number;
  readonly steps: number;
  readonly cases: Readonly<
    Record<string, { config: object; loss: number; losses: number[]; probability: number[] }>
  >;
  readonly pieces: readonly { pieces: string[]; what: string; ids: number[] }[];
};
const answers = { yes: golden.yes, no: golden.no };

function program(config: T5Config): Program {
  const part = t5(config, { answers });
  return {
    ...part,
    inputs: {
      ...part.inputs,
      targets: { shape: ["batch", "answer"], dtype: "int32" },
      shares: { shape: ["batch", "answer"], dtype: "float32" },
    },
    forward(scope) {
      const { loss, yesNoLogits } = part.forward(scope);
      return { loss: loss(scope.input("targets"), scope.input("shares")), outputs: { yesNoLogits } };
    },
  };
}

function largest(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  expect(ours.length).toBe(theirs.length);
  return Array.from(ours).reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i]!)), 0);
}

describe.each(Object.entries(golden.cases))("a T5 with whole-word embeddings, %s", (name, recorded) => {
  const { tensors } = parseSafetensors(readFileSync(join(folder, `${name}.safetensors`)));
  const named = (kind: string): Record<string, Float32Array> =>
    Object.fromEntries(
      [...tensors]
        .filter(([key]) => key.startsWith(`${kind}/`))
        .map(([key, view]) => [key.slice(kind.length + 1), toFloat32(view)]),
    );
  const config: T5Config = {
    ...t5Config.parse(recorded.config),
    tieWordEmbeddings: !("lm_head.weight" in named("value")),
    wholeWords: golden.wholeWords,
  };
  const texts = golden.tokens.map((ids) => ids.slice(0, ids.indexOf(1) + 1));
  const { tokens, visible, index } = paddedFeeds(texts);
  const feeds: Batch = {
    tokens: tokens!,
    visible: visible!,
    index: index!,
    words: { shape: tokens!.shape, data: Int32Array.from(golden.words.flat()) },
    ...t5Answers(
      golden.answers.map((ids) => ids.filter((id) => id >= 0)),
      config,
    ),
  };

  test("loss, answers' logits and every gradient are those of torch", async () => {
    const run = await onnxRuntime().gradients(program(config), named("value"));
    const { loss, outputs, gradients } = await run.run(feeds);
    await run.dispose();
    expect(Math.abs(loss - recorded.loss)).toBeLessThan(1e-5);
    expect(largest(outputs["yesNoLogits"]!.data, toFloat32(tensors.get("yesNoLogits")!))).toBeLessThan(1e-5);
    const theirs = named("gradient");
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(theirs).sort());
    for (const [key, gradient] of Object.entries(theirs))
      expect(largest(gradients[key]!, gradient), key).toBeLessThan(1e-5);
  });

  test("steps of AdamW end where torch's do", async () => {
    const trainer = await onnxRuntime().train(program(config), {
      seed: 1,
      values: named("value"),
      clipNorm: 1,
      optimizer: { kind: "adamw", learningRate: 1e-3, weightDecay: 0.01 },
    });
    for (const loss of recorded.losses)
      expect(Math.abs((await trainer.step(feeds)).loss - loss)).toBeLessThan(1e-5);
    for (const [key, value] of Object.entries(named("stepped")))
      expect(largest(trainer.values[key]!, value), key).toBeLessThan(1e-5);
    await trainer.dispose();
  });
});

test.each(golden.pieces)("whole words: $what", ({ pieces, ids }) => {
  expect([...wholeWordIds(pieces, 512)]).toEqual(ids);
  // Words beyond the table's rows share the last.
  expect([...wholeWordIds(pieces, 2)]).toEqual(ids.map((id) => Math.min(id, 1)));
});

describe("a T5 from scratch", () => {
  let parent = "";
  afterAll(async () => {
    if (parent !== "") await rm(parent, { recursive: true });
  });

  test("scores texts alike one by one, together, and when it was written and read again", async () => {
    parent = await mkdtemp(join(tmpdir(), "corella-t5-"));
    const corpus = ["user_12 likes item_345 , item_345 and item_7 .", "like", "dislike"];
    const tokenizer = await trainTokenizer([...corpus, ...corpus, ...corpus], {
      vocabularySize: 300,
      digits: "together",
    });
    const config: T5Config = {
      ...t5Config.parse({
        model_type: "t5",
        vocab_size: tokenizer.vocabularySize,
        d_model: 16,
        d_kv: 8,
        d_ff: 24,
        num_heads: 2,
        num_layers: 1,
        feed_forward_proj: "gated-gelu",
        tie_word_embeddings: false,
        eos_token_id: 2,
      }),
      wholeWords: 4,
    };
    const values: Values = initialValues({ params: t5Params(config), tables: {} }, 3);
    const model = { config, values, tokenizer };
    const texts = ["item_345", "user_12 likes item_7 , item_345 .", "user_3 : nothing yet", corpus[0]!];
    const scoresOf = async (of: typeof model, budget: number): Promise<Float32Array> => {
      const scorer = await createT5Scorer({
        ...of,
        answers: await t5AnswerIds(of.tokenizer, { yes: "like", no: "dislike" }),
        runtime: onnxRuntime(),
        maxTokens: 12,
        tokenBudget: budget,
      });
      const { probability, cut } = await scorer.scores(texts);
      await scorer.dispose();
      expect(cut).toBe(3);
      return probability;
    };
    const together = await scoresOf(model, 1000);
    expect(new Set(together).size).toBe(texts.length);
    expect(largest(await scoresOf(model, 1), together)).toBeLessThan(1e-6);

    const written = join(parent, "model");
    await saveT5(written, model);
    expect((await readdir(written)).sort()).toEqual([
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const read = await loadT5(written);
    expect(read.config).toEqual(config);
    expect(await scoresOf(read, 1000)).toEqual(together);
    // Another table of words, other scores: the words are read.
    const table = values[wholeWordTable]!.map((x) => -x);
    const changed = { ...model, values: { ...values, [wholeWordTable]: table } };
    expect(await scoresOf(changed, 1000)).not.toEqual(together);
  });

  test("an id that is frequent is one token where digits merge, and its pieces are one word", async () => {
    const corpus = Array.from({ length: 20 }, () => "item_345 , item_345");
    const tokenizer = await trainTokenizer(corpus, { vocabularySize: 270, digits: "together" });
    const ids = await tokenizer.encode("item_345 , item_9");
    const pieces = ids.map((id) => tokenizer.tokenOf(id));
    expect(pieces).toContain("345");
    const words = wholeWordsOf(tokenizer, 8)(ids);
    const ofWord = (word: number): string => pieces.filter((_, i) => words[i] === word).join("");
    expect([0, 1, 2, 3].map(ofWord)).toEqual(["<s>", "item_345", "\u0120,", "\u0120item_9"]);
    const { words: fed } = t5Encoder({ wholeWords: 8 }, tokenizer)(paddedFeeds([ids.slice(0, 3), ids]));
    expect([...fed!.data.subarray(0, ids.length)]).toEqual([
      ...words.subarray(0, 3),
      ...ids.slice(3).map(() => 0),
    ]);
    expect([...fed!.data.subarray(ids.length)]).toEqual([...words]);
  });

  test("answers that begin with one token are refused, and each ends with the end token", async () => {
    const tokenizer = await trainTokenizer(["a b"], { vocabularySize: 259 });
    await expect(t5AnswerIds(tokenizer, { yes: "yes", no: "yesterday" })).rejects.toMatchObject({
      code: "llm/answers",
    });
    const ends = { padTokenId: 0, startTokenId: 0, endTokenId: 2 };
    const [answer] = await encodeAnswers(tokenizer, ["no"], ends);
    expect(answer).toEqual([tokenizer.idOf("n"), tokenizer.idOf("o"), 2]);
  });
});
