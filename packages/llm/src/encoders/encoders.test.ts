import { eagerRuntime, initialValues, onnxRuntime, tf, type Batch, type Program } from "@corella/engine";
import { createGenerator } from "@corella/random";
import { expect, test } from "vitest";
import { bertEncoder, relativeBucket, t5 } from "../encoders.ts";
import { paddedFeeds, twoWayLoss } from "../index.ts";
import { parseBertConfig } from "./bert/config.ts";
import { parseT5Config, t5Config } from "./t5/config.ts";

const answers = { yes: 3, no: 4 };
const sizes = { vocab_size: 40, hidden_size: 12, intermediate_size: 20, num_hidden_layers: 2 };

const bertSizes = { model_type: "bert", ...sizes, num_attention_heads: 3, max_position_embeddings: 16 };

const bert: Program = ((): Program => {
  const part = bertEncoder(parseBertConfig(bertSizes, "a test"));
  return {
    ...part,
    forward(scope) {
      const { meanPooled, pooled } = part.forward(scope);
      return { loss: tf.mean(tf.mul(meanPooled, pooled())), outputs: { meanPooled } };
    },
  };
})();

const encoderDecoder: Program = ((): Program => {
  const { vocab_size, hidden_size: d_model, intermediate_size: d_ff, num_hidden_layers: num_layers } = sizes;
  const config = { model_type: "t5", vocab_size, d_model, d_ff, num_layers, d_kv: 4, num_heads: 2 };
  const gated = { ...config, feed_forward_proj: "gated-gelu", tie_word_embeddings: false };
  const part = t5(t5Config.parse(gated), { answers });
  return {
    ...part,
    forward(scope) {
      const { yesNoLogits } = part.forward(scope);
      const labels = tf.cast(tf.greater(scope.input("visible"), 0), "float32");
      return { loss: twoWayLoss(yesNoLogits, tf.max(labels, 1)), outputs: { yesNoLogits } };
    },
  };
})();

/** Sequences of different lengths. */
function feeds(batch: number, longest: number): Batch {
  const generator = createGenerator(1, "encoders", longest);
  const { tokens, visible, index } = paddedFeeds(
    Array.from({ length: batch }, (_, row) =>
      Array.from({ length: Math.max(longest - row, 1) }, () => generator.integer(40)),
    ),
  ) as Record<string, Batch[string]>;
  return {
    tokens: tokens!,
    visible: visible!,
    index: index!,
    answerTokens: { shape: [batch, 1], data: new Int32Array(batch) },
    answerIndex: { shape: [1], data: new Int32Array(1) },
  };
}

for (const [name, program] of Object.entries({ bert, "a gated T5": encoderDecoder })) {
  test(`${name}: one graph for every size, equal to the reference`, async () => {
    const values = initialValues(program, 5);
    const fast = await onnxRuntime().gradients(program, values);
    const slow = await eagerRuntime("cpu").gradients(program, values);
    for (const [batch, longest] of [
      [3, 7],
      [1, 2],
      [5, 11],
    ] as const) {
      const a = await fast.run(feeds(batch, longest));
      const b = await slow.run(feeds(batch, longest));
      expect(a.loss).toBeCloseTo(b.loss, 5);
      for (const [key, gradient] of Object.entries(b.gradients)) {
        const largest = gradient.reduce(
          (worst, value, i) => Math.max(worst, Math.abs(value - a.gradients[key]![i]!)),
          0,
        );
        expect(largest, key).toBeLessThan(1e-5);
      }
    }
    await fast.dispose();
  });
}

test("distances fall into buckets: single ones first, then logarithmic ones, those beyond the greatest together", () => {
  const config = { relativeBuckets: 32, relativeMaxDistance: 128 };
  const before = [0, -1, -7, -8, -11, -12, -16, -32, -64, -90, -91, -127, -5000];
  // 8 + floor(8 ln(n / 8) / ln 16): 12 is the first distance of bucket 9, 16 of 10, 32 of 12, 64 of 14, 91 of 15.
  expect(before.map((distance) => relativeBucket(distance, config, true))).toEqual([
    0, 1, 7, 8, 8, 9, 10, 12, 14, 14, 15, 15, 15,
  ]);
  expect(relativeBucket(1, config, true)).toBe(17);
  expect(relativeBucket(3, config, false)).toBe(0);
  expect(relativeBucket(-15, config, false)).toBe(15);
  // An odd number: 4 buckets each way, the rest is not used. 2 + floor(2 ln(n / 2) / ln 10).
  const odd = { relativeBuckets: 9, relativeMaxDistance: 20 };
  expect([-1, -2, -6, -7, 1, 7].map((distance) => relativeBucket(distance, odd, true))).toEqual([
    1, 2, 2, 3, 5, 7,
  ]);
});

test("what we lack of encoders is named", () => {
  const t5Sizes = { vocab_size: 9, num_heads: 2, num_layers: 1, d_model: 4, d_kv: 2, d_ff: 8 };
  const cases: [() => unknown, RegExp][] = [
    [
      () => parseBertConfig({ ...bertSizes, is_decoder: true }, "a test"),
      /a BERT that decodes is not supported/,
    ],
    [
      () => parseBertConfig({ ...bertSizes, hidden_act: "mish" }, "a test"),
      /"mish" is not supported; silu, /,
    ],
    [
      () => parseBertConfig({ ...bertSizes, position_embedding_type: "relative_key" }, "a test"),
      /position_embedding_type/,
    ],
    [
      () => parseT5Config({ model_type: "t5", ...t5Sizes, feed_forward_proj: "gated-mish" }, "a test"),
      /feed_forward_proj: .*"mish" is not/,
    ],
    [
      () => parseT5Config({ model_type: "t5", ...t5Sizes, relative_attention_max_distance: 16 }, "a test"),
      /32 buckets up to a distance of 16/,
    ],
  ];
  for (const [parse, message] of cases)
    expect(parse).toThrow(
      expect.objectContaining({ code: "llm/config", message: expect.stringMatching(message) }),
    );
});
