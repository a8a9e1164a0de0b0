import { initialValues, onnxRuntime } from "@corella/engine";
import { expect, test } from "vitest";
import { createScorer, decoder, paddedFeeds, tinyLlamaConfig, trainTokenizer, yesNoIds } from "../index.ts";
import { answerLogit } from "./remote/answer-logits.ts";

test("the double softmax scores by the answers' probabilities among the whole vocabulary, with kept prefixes and on servers too", async () => {
  const runtime = onnxRuntime();
  const prompts = ["Paper Harbor. Answer:", "Paper Harbor, Quiet River. Answer:", "Glass River. Answer:"];
  const tokenizer = await trainTokenizer([...prompts, " Yes No Maybe".repeat(9)], { vocabularySize: 330 });
  const { vocabularySize } = tokenizer;
  const config = tinyLlamaConfig({
    vocabularySize,
    hiddenSize: 16,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
  });
  const answers = await yesNoIds(tokenizer, prompts[0]!);
  const plain = decoder(config, { answers });
  const values = initialValues(plain, 3);
  for (const [name, value] of Object.entries(values))
    if (name.includes("embed")) values[name] = value.map((x) => 40 * x);
  const inference = await runtime.infer(
    { ...plain, forward: (scope) => ({ outputs: { logits: plain.forward(scope).logitsLast() } }) },
    values,
  );
  const { data } = (await inference.run(paddedFeeds(await tokenizer.encodeBatch(prompts))))["logits"]!;
  await inference.dispose();
  const expected = prompts.map((_, row) => {
    const powers = Array.from(data.slice(row * vocabularySize, (row + 1) * vocabularySize), Math.exp);
    const all = powers.reduce((sum, power) => sum + power, 0);
    const [yes, no] = [powers[answers.yes]! / all, powers[answers.no]! / all];
    // A server tells logarithms of probabilities.
    const told = new Map([
      [answers.yes, Math.log(yes)],
      [answers.no, Math.log(no)],
    ]);
    const top = { byId: told, byText: new Map<string, number>(), smallest: Math.log(no) };
    const tokens = (id: number) => [{ id, text: "" }];
    const { probabilityDifference } = answerLogit(top, tokens(answers.yes), tokens(answers.no), "error", "");
    expect(probabilityDifference).toBeCloseTo(yes - no, 9);
    // The model is not sure, or this would be as the softmax over the two logits is.
    expect(Math.abs(Math.log(yes / no) - (yes - no))).toBeGreaterThan(0.01);
    return yes - no;
  });
  for (const prefixCacheBytes of [0, 1e6]) {
    const of = { config, values, tokenizer, answers, runtime, prefixCacheBytes };
    const scorer = await createScorer({ ...of, scoring: "doubleSoftmax" });
    const { logitDifference, probability } = await scorer.scores(prompts);
    expected.forEach((difference, row) => {
      expect(logitDifference[row]).toBeCloseTo(difference, 5);
      expect(probability[row]).toBeCloseTo(1 / (1 + Math.exp(-difference)), 5);
    });
    await scorer.dispose();
  }
});
