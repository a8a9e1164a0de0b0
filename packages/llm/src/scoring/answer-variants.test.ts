import { initialValues, onnxRuntime, type Values } from "@corella/engine";
import { beforeAll, describe, expect, test } from "vitest";
import {
  createScorer,
  decoder,
  packedDecoder,
  paddedFeeds,
  tinyLlamaConfig,
  trainTokenizer,
  twoWayProgram,
  yesNoIds,
  type DecoderConfig,
  type TextTokenizer,
  type YesNoIds,
} from "../index.ts";

// Words that say the same: their probabilities are added.
const runtime = onnxRuntime();
const prompts = ["Paper Harbor. Answer:", "Quiet River, Paper Harbor. Answer:", "Glass River. Answer:"];
const words = { yes: ["Yes", " yes", " Yes"], no: ["No", "no"] };
let tokenizer: TextTokenizer;
let config: DecoderConfig;
let answers: YesNoIds;
let values: Values;
beforeAll(async () => {
  tokenizer = await trainTokenizer([...prompts, " Yes yes No no Maybe".repeat(9)], { vocabularySize: 340 });
  const { vocabularySize } = tokenizer;
  config = tinyLlamaConfig({ vocabularySize, hiddenSize: 16, layers: 2, heads: 4, keyValueHeads: 2 });
  answers = await yesNoIds(tokenizer, prompts[0]!, words);
  values = initialValues(decoder(config, { answers }), 3);
  for (const [name, value] of Object.entries(values))
    if (name.includes("embed")) values[name] = value.map((x) => 40 * x);
});

const idOf = (token: string): number => tokenizer.idOf(token.replace(" ", "Ġ"))!;

/** log P of some tokens together, minus that of others, from the logits of the whole vocabulary. */
function difference(logits: Float32Array, yes: readonly number[], no: readonly number[]): number {
  const together = (ids: readonly number[]): number =>
    Math.log(ids.reduce((sum, id) => sum + Math.exp(logits[id]!), 0));
  return together(yes) - together(no);
}

async function vocabularyLogits(of: Values): Promise<Float32Array[]> {
  const plain = decoder(config, { answers });
  const inference = await runtime.infer(
    { ...plain, forward: (scope) => ({ outputs: { logits: plain.forward(scope).logitsLast() } }) },
    of,
  );
  const { data } = (await inference.run(paddedFeeds(await tokenizer.encodeBatch(prompts))))["logits"]!;
  await inference.dispose();
  const size = config.vocabularySize;
  return prompts.map((_, row) => (data as Float32Array).slice(row * size, (row + 1) * size));
}

describe("the tokens of several words", () => {
  test("each once, the first word's first", () => {
    expect(answers).toMatchObject({ yes: idOf(" Yes"), no: idOf(" No") });
    expect(answers.variants).toEqual({ yes: [idOf(" yes")], no: [idOf(" no")] });
  });

  test("one word, or a list of one, is what it was", async () => {
    const one = await yesNoIds(tokenizer, prompts[0]!);
    expect(one).toEqual({ yes: idOf(" Yes"), no: idOf(" No"), dangling: "", appended: "" });
    expect(await yesNoIds(tokenizer, prompts[0]!, { yes: ["Yes"], no: ["No"] })).toEqual(one);
    // A space at the prompt's end is cut, and is in front of the words then.
    expect(await yesNoIds(tokenizer, `${prompts[0]} `, words)).toEqual({ ...answers, dangling: " " });
  });

  test("are refused by name where they are several, or both answers'", async () => {
    await expect(yesNoIds(tokenizer, prompts[0]!, { yes: ["Yes", "Yep"], no: "No" })).rejects.toMatchObject({
      code: "llm/answers",
      message: expect.stringMatching(/^The answer "Yep" is not one token behind the prompt, but ".*", "/),
    });
    await expect(
      yesNoIds(tokenizer, prompts[0]!, { yes: ["Yes", "no"], no: ["No", " no"] }),
    ).rejects.toMatchObject({ code: "llm/answers", message: 'The token "Ġno" stands for yes and for no.' });
    await expect(yesNoIds(tokenizer, prompts[0]!, { yes: ["Yes", "No"], no: "No" })).rejects.toMatchObject({
      code: "llm/answers",
      message: 'The token "ĠNo" stands for yes and for no.',
    });
  });
});

test("a scorer adds their probabilities, in each precision as one of the words alone is scored", async () => {
  const expected = (await vocabularyLogits(values)).map((logits) =>
    difference(logits, [idOf(" Yes"), idOf(" yes")], [idOf(" No"), idOf(" no")]),
  );
  const scorer = await createScorer({ config, values, tokenizer, answers, runtime });
  const { logitDifference } = await scorer.scores(prompts);
  await scorer.dispose();
  expected.forEach((value, row) => expect(logitDifference[row]).toBeCloseTo(value, 4));
  const { variants: _, ...one } = answers;
  const single = await createScorer({ config, values, tokenizer, answers: one, runtime });
  const alone = (await single.scores(prompts)).logitDifference;
  await single.dispose();
  expect(Math.abs(alone[0]! - logitDifference[0]!)).toBeGreaterThan(0.01);
  // Empty lists are one word: the same bits.
  const empty = { ...one, variants: { yes: [], no: [] } };
  const same = await createScorer({ config, values, tokenizer, answers: empty, runtime });
  expect((await same.scores(prompts)).logitDifference).toEqual(alone);
  await same.dispose();
});

test("the two-way loss and its gradient are those of the added probabilities", async () => {
  const labels = Float32Array.of(1, 0, 1);
  const lossOf = async (of: Values): Promise<number> =>
    (await vocabularyLogits(of)).reduce((sum, logits, row) => {
      const logit = difference(logits, [idOf(" Yes"), idOf(" yes")], [idOf(" No"), idOf(" no")]);
      return sum + (Math.log1p(Math.exp(logit)) - labels[row]! * logit) / 3;
    }, 0);
  const program = twoWayProgram(decoder(config, { answers }));
  const run = await runtime.gradients(program, values);
  const feeds = paddedFeeds(await tokenizer.encodeBatch(prompts));
  const { loss, gradients } = await run.run({ ...feeds, label: { shape: [3], data: labels } });
  await run.dispose();
  expect(loss).toBeCloseTo(await lossOf(values), 5);
  const [name, at, step] = ["model.embed_tokens.weight", idOf(" yes") * config.hiddenSize + 3, 0.02];
  const moved = (by: number): Values => ({
    ...values,
    [name]: values[name]!.map((x, i) => (i === at ? x + by : x)),
  });
  const slope = ((await lossOf(moved(step))) - (await lossOf(moved(-step)))) / (2 * step);
  expect(Math.abs(slope)).toBeGreaterThan(1e-3);
  expect(gradients[name]![at]).toBeCloseTo(slope, 4);
  expect(Object.keys(packedDecoder(config, { answers }).params)).toEqual(Object.keys(program.params));
});
