import { initialValues, onnxRuntime, type Values } from "@corella/engine";
import { createGenerator } from "@corella/random";
import { expect, test } from "vitest";
import {
  adapterFeeds,
  createScorer,
  decoder,
  mergeAdapter,
  paddedFeeds,
  roomFor,
  tinyLlamaConfig,
  trainTokenizer,
  withAdapterInputs,
  yesNoIds,
  type LoadedAdapter,
  type LoraConfig,
} from "../index.ts";

const config = tinyLlamaConfig({ vocabularySize: 40, hiddenSize: 16, layers: 2, heads: 4, keyValueHeads: 2 });
const answers = { yes: 7, no: 9 };
const feeds = paddedFeeds([
  [5, 3, 8, 1],
  [2, 6],
]);

function randomAdapter(lora: LoraConfig, seed: number): LoadedAdapter {
  const random = createGenerator(seed, "adapter");
  const names = Object.entries(initialValues(decoder(config, { answers, lora }), seed));
  const values: Values = {};
  for (const [name, array] of names)
    if (name.includes("lora_")) values[name] = array.map(() => random.normal() / 2);
  return { lora, values };
}

test("one compiled base serves several adapters, each as if it were merged, and itself without one", async () => {
  const runtime = onnxRuntime();
  const base = initialValues(decoder(config, { answers }), 3);
  // Other ranks, other modules, other scales.
  const adapters = [
    randomAdapter({ rank: 2, alpha: 6, targetModules: ["q_proj", "down_proj"] }, 1),
    randomAdapter({ rank: 3, alpha: 5, rsLora: true, targetModules: ["v_proj"] }, 2),
  ];
  const room = roomFor(adapters);
  expect(room).toEqual({ rank: 3, alpha: 3, targetModules: ["q_proj", "down_proj", "v_proj"] });
  const part = decoder(config, { answers, lora: room });
  const program = withAdapterInputs({
    ...part,
    forward: (scope: Parameters<typeof part.forward>[0]) => ({
      outputs: { logits: part.forward(scope).yesNoLogits },
    }),
  });
  const shared = await runtime.infer(program, base);
  for (const adapter of [adapters[0], adapters[1], undefined, adapters[0]]) {
    const { logits } = await shared.run({ ...feeds, ...adapterFeeds(config, room, adapter) });
    const values =
      adapter === undefined
        ? base
        : mergeAdapter(config, adapter.lora, { ...base, ...adapter.values }).values;
    const plain = decoder(config, { answers });
    const merged = await runtime.infer(
      { ...plain, forward: (scope) => ({ outputs: { logits: plain.forward(scope).yesNoLogits } }) },
      values,
    );
    const expected = await merged.run(feeds);
    await merged.dispose();
    Array.from(logits!.data).forEach((value, i) =>
      expect(value).toBeCloseTo(expected["logits"]!.data[i]!, 5),
    );
  }
  await shared.dispose();
});

test("a scorer switches between adapters on one base, each equal to the merged model", async () => {
  const runtime = onnxRuntime();
  const prompts = ["Quiet River. Answer: ", "Quiet Lantern. Answer: ", "Harbor. Answer: "];
  const tokenizer = await trainTokenizer([...prompts, " Yes No Yes No"], { vocabularySize: 300 });
  const shape = tinyLlamaConfig({
    vocabularySize: tokenizer.vocabularySize,
    hiddenSize: 16,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
  });
  const ids = await yesNoIds(tokenizer, prompts[0]!);
  const base = initialValues(decoder(shape, { answers: ids }), 3);
  const adapters = {
    films: randomAdapter({ rank: 2, alpha: 6, targetModules: ["q_proj", "down_proj"] }, 1),
    books: randomAdapter({ rank: 3, alpha: 5, rsLora: true, targetModules: ["v_proj"] }, 2),
  };
  const common = { config: shape, tokenizer, answers: ids, runtime };
  const shared = await createScorer({ ...common, values: base, adapters });
  const expected = async (adapter: LoadedAdapter | undefined): Promise<Float32Array> => {
    const values =
      adapter === undefined ? base : mergeAdapter(shape, adapter.lora, { ...base, ...adapter.values }).values;
    const merged = await createScorer({ ...common, values });
    const { logitDifference } = await merged.scores(prompts);
    await merged.dispose();
    return logitDifference;
  };
  // All at once: runs take turns, each with its own adapter.
  const scored = await Promise.all([
    shared.withAdapter("films").scores(prompts),
    shared.withAdapter("books").scores(prompts),
    shared.scores(prompts),
    shared.withAdapter("films").scores(prompts),
  ]);
  const wanted = [adapters.films, adapters.books, undefined, adapters.films];
  for (const [i, adapter] of wanted.entries())
    (await expected(adapter)).forEach((logit, row) =>
      expect(scored[i]!.logitDifference[row]).toBeCloseTo(logit, 5),
    );
  const [films, books] = scored;
  expect(Math.abs(films.logitDifference[0]! - books.logitDifference[0]!)).toBeGreaterThan(1e-3);

  expect(() => shared.withAdapter("film")).toThrow(
    expect.objectContaining({ code: "llm/unknown-adapter", remedy: 'Did you mean "films"?' }),
  );
  await shared.dispose();
  const plain = await createScorer({ ...common, values: base });
  expect(() => plain.withAdapter("films")).toThrow(expect.objectContaining({ code: "llm/unknown-adapter" }));
  await plain.dispose();
  await expect(
    createScorer({ ...common, values: base, adapters, lora: adapters.films.lora }),
  ).rejects.toMatchObject({ code: "llm/adapters" });
});
