import { eagerRuntime, initialValues } from "@corella/engine";
import { expect, test } from "vitest";
import {
  createScorer,
  decoder,
  parseDecoderConfig,
  tinyLlamaConfig,
  trainTokenizer,
  withFixedLength,
  yesNoIds,
  type DecoderConfig,
} from "../index.ts";

const sizes = {
  model_type: "llama",
  vocab_size: 300,
  hidden_size: 16,
  intermediate_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  tie_word_embeddings: true,
};
const kinds: [string, DecoderConfig][] = [
  [
    "longrope",
    parseDecoderConfig(
      {
        ...sizes,
        max_position_embeddings: 96,
        rope_scaling: {
          rope_type: "longrope",
          short_factor: [1, 1, 1, 1],
          long_factor: [1, 4, 9, 16],
          attention_factor: 1,
          original_max_position_embeddings: 16,
        },
      },
      "a test",
    ),
  ],
  [
    "dynamic",
    {
      ...parseDecoderConfig(
        { ...sizes, max_position_embeddings: 16, rope_scaling: { rope_type: "dynamic", factor: 6 } },
        "a test",
      ),
      maxPositions: 96,
    },
  ],
];
const prompts = ["Up", `${"Paper Harbor ".repeat(12)}`, "Heat, Saw"].map((text) => `${text} Answer:`);

test.each(kinds)(
  "%s: at a fixed length a score does not depend on the prompts beside it",
  async (_, config) => {
    const tokenizer = await trainTokenizer([...prompts, " Yes No Yes No"], { vocabularySize: 300 });
    const answers = await yesNoIds(tokenizer, prompts[0]!);
    // Steep, so that angles matter.
    const values = initialValues(decoder(config, { answers }), 5);
    for (const array of Object.values(values)) array.forEach((value, i) => (array[i] = value * 8));
    const common = { config, values, tokenizer, answers, runtime: eagerRuntime("cpu") };
    const scored = async (texts: readonly string[], ropeLength?: number): Promise<number[]> => {
      const scorer = await createScorer({ ...common, ropeLength });
      const { logitDifference } = await scorer.scores(texts);
      await scorer.dispose();
      return Array.from(logitDifference);
    };
    const lengths = (await tokenizer.encodeBatch(prompts)).map((ids) => ids.length);
    expect(lengths[0]).toBeLessThan(16);
    expect(lengths[1]).toBeGreaterThan(16);
    const close = (found: readonly number[], wanted: readonly number[]): void =>
      wanted.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 4));
    const together = await scored(prompts);
    const alone = (await Promise.all(prompts.map((prompt) => scored([prompt])))).flat();
    expect(Math.abs(together[0]! - alone[0]!)).toBeGreaterThan(1e-3);

    // At the longest prompt's length all are as in one batch, at a short one's as that one alone.
    const longest = lengths[1]!;
    close(await scored(prompts, longest), together);
    close((await Promise.all(prompts.map((prompt) => scored([prompt], longest)))).flat(), together);
    expect((await scored(prompts, lengths[0]))[0]).toBeCloseTo(alone[0]!, 4);
  },
);

test("other kinds of RoPE stay as they are", () => {
  const config = parseDecoderConfig(
    {
      ...sizes,
      max_position_embeddings: 32,
      sliding_window: 8,
      model_type: "mistral",
      num_key_value_heads: 2,
    },
    "a test",
  );
  expect(withFixedLength(config, 20)).toEqual(config);
});

test("a length that is none is refused", () => {
  const config = tinyLlamaConfig({ vocabularySize: 9, hiddenSize: 8, layers: 1, heads: 2 });
  for (const length of [0, -4, 1.5, Number.NaN])
    expect(() => withFixedLength(config, length)).toThrow(
      expect.objectContaining({ code: "llm/rope-length" }),
    );
});
