import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  within,
  type Part,
  type Program,
  type Values,
} from "@corella/engine";
import {
  decoder,
  encodeChains,
  packedDecoder,
  packedFeeds,
  paddedFeeds,
  pooled,
  poolingFeed,
  tinyLlamaConfig,
  trainTokenizer,
  type DecoderOutput,
} from "@corella/llm";
import { createPrompt, type Prompt, type RatingRecord } from "@corella/modality";
import { expect, test } from "vitest";
import { ownTokens } from "../llm/own-tokens.ts";
import type { AlignedLayers } from "./aligned-layers.ts";
import { calibrationLoss, pooledStates, projectionParams } from "./calibration-loss.ts";
import { golden } from "./goldens.test-helper.ts";

const recorded = golden("calibration-pooling");
const [batch, time, hidden] = recorded.get("llm.0")!.shape as [number, number, number];
const [lengths, counts] = ["lengths", "counts"].map((name) => [...recorded.get(name)!.data]);
const aligned: AlignedLayers = {
  llmLayers: [1, 2],
  crmLayers: [1, 2],
  width: 8,
  pooling: "mean",
  normalise: "none",
  distance: "euclidean",
  power: 2,
  temperature: 1,
  hiddenWidths: { llm: hidden, crm: [0, 1].map((j) => recorded.get(`crm.${j}`)!.shape[1]!) },
};

/** The states of every position are parameters, so that they have gradients too. */
function program(of: AlignedLayers): Program {
  const states = [0, 1].flatMap((j) => [`llm.${j}`, `crm.${j}`]);
  return {
    params: {
      ...Object.fromEntries(
        states.map((name) => [
          name,
          { shape: [...recorded.get(name)!.shape], init: { kind: "zeros" as const } },
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(projectionParams(of)).map(([name, spec]) => [`projection.${name}`, spec]),
      ),
    },
    tables: {},
    inputs: { pooling: { shape: [batch, time], dtype: "float32" } },
    forward(scope) {
      const [first, second] = [0, 1].map((j) => scope.param(`llm.${j}`)) as [never, never];
      const output = { sequenceStates: [first, first, second] } as unknown as DecoderOutput;
      const crm = [0, 1].map((j) => scope.param(`crm.${j}`));
      const { param } = within(scope, "projection");
      return { loss: calibrationLoss(of, param, pooledStates(of, output, scope), crm), outputs: {} };
    },
  };
}

for (const runtime of [onnxRuntime(), eagerRuntime("cpu")]) {
  test.each(["none", "layerNorm"] as const)(
    `L_cal of means over tokens with normalise %s and all gradients equal the recorded ones on ${runtime.name}`,
    async (normalise) => {
      const values: Values = {};
      for (const [name, { data }] of recorded) if (/^(llm|crm|projection)\./.test(name)) values[name] = data;
      const run = await runtime.gradients(program({ ...aligned, normalise }), values);
      const feeds = paddedFeeds(lengths!.map((length) => Array.from({ length }, () => 1)));
      const { loss, gradients } = await run.run({ pooling: poolingFeed(feeds, counts!) });
      await run.dispose();
      expect(Math.abs(loss / recorded.get(`${normalise}/loss`)!.data[0]! - 1)).toBeLessThan(1e-5);
      // Two states of each model, weights and biases of four projections.
      expect(Object.keys(gradients)).toHaveLength(12);
      for (const [name, actual] of Object.entries(gradients)) {
        const expected = recorded.get(`${normalise}/${name}`)!.data;
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expected.forEach((value, i) => {
          expect(Math.abs(actual[i]! - value), `${name}[${i}]`).toBeLessThan(2e-5 * largest);
        });
      }
    },
  );
}

const tiny = tinyLlamaConfig({ vocabularySize: 400, hiddenSize: 12, layers: 2, heads: 3, keyValueHeads: 1 });
const options = { answers: { yes: 5, no: 6 }, allPositions: true };

/** What a decoder gives as pooled states of every block, and as answers. */
function pooledOf(part: Part<DecoderOutput>): Program {
  return {
    ...part,
    inputs: {
      ...part.inputs,
      pooling: { shape: ["batch", part.inputs["tokens"]!.shape.at(-1)!], dtype: "float32" },
    },
    forward(scope) {
      const { yesNoLogits, sequenceStates } = part.forward(scope);
      const states = sequenceStates!.map((of, l) => [`state${l}`, pooled(of, scope.input("pooling"))]);
      return { outputs: { ...Object.fromEntries(states), yesNoLogits } };
    },
  };
}

const catalogue = { has: () => true, attributesOf: (item: string) => ({ title: `The film ${item}` }) };
const dense = createPrompt({
  template: "A user.{{user_history}}{{target_item}}:",
  historyItem: '\n{{title}}: {{"Yes" if liked else "No"}} {{rating}}',
  target: "\n{{title}}",
  separator: "",
  emptyHistory: "",
});
const records: RatingRecord[] = ["Heat", "Alien", "Fargo", "Big"].map((item, i, all) => ({
  user: "u",
  item,
  history: all.slice(0, i).map((past, place) => ({ item: past, rating: 1 + place })),
}));
const render = (prompt: Prompt): string[] =>
  records.map((record) => prompt.render(record, catalogue as never));

test("in one pass over a history each event has the mean over its own question, as when it is asked alone", async () => {
  const tokenizer = await trainTokenizer(render(dense), { vocabularySize: 400 });
  const tokens = await encodeChains(tokenizer, render(dense));
  const own = await ownTokens({ tokens, render }, { tokenizer, prompt: dense });
  for (const [i, ids] of tokens.entries()) {
    const text = await tokenizer.decode(Array.from(ids).slice(ids.length - own[i]!));
    expect(text.trim()).toBe(`The film ${records[i]!.item}:`);
  }
  const values = initialValues(decoder(tiny, options), 3);
  const run = async (
    part: Part<DecoderOutput>,
    feeds: ReturnType<typeof paddedFeeds>,
    of: ArrayLike<number>,
  ) => {
    const inference = await eagerRuntime("cpu").infer(pooledOf(part), values);
    const outputs = await inference.run({ ...feeds, pooling: poolingFeed(feeds, of) });
    await inference.dispose();
    return outputs;
  };
  const packed = packedFeeds(tokens);
  // The last prompt is all that is computed.
  expect(packed["tokens"]!.shape).toEqual([tokens.at(-1)!.length]);
  const together = await run(packedDecoder(tiny, options), packed, own);
  const padded = await run(decoder(tiny, options), paddedFeeds(tokens), own);
  for (const [i, ids] of tokens.entries()) {
    // Alone, with the state of every token by itself: the mean of the last ones.
    const singles = Array.from({ length: own[i]! }, () => ids);
    const feeds = paddedFeeds(singles.map((all, before) => Array.from(all).slice(0, all.length - before)));
    const last = await run(decoder(tiny, options), feeds, new Int32Array(own[i]!).fill(1));
    for (const name of ["state0", "state1", "state2"]) {
      const width = tiny.hiddenSize;
      const states = last[name]!.data as Float32Array;
      for (let k = 0; k < width; k++) {
        let sum = 0;
        for (let row = 0; row < own[i]!; row++) sum += states[row * width + k]!;
        for (const found of [together, padded])
          expect(Math.abs((found[name]!.data as Float32Array)[i * width + k]! - sum / own[i]!)).toBeLessThan(
            1e-5,
          );
      }
    }
  }
  const plain = await eagerRuntime("cpu").infer(
    {
      ...decoder(tiny, { answers: options.answers }),
      forward: (scope) => ({
        outputs: { yesNoLogits: decoder(tiny, { answers: options.answers }).forward(scope).yesNoLogits },
      }),
    },
    values,
  );
  const { yesNoLogits } = await plain.run(paddedFeeds(tokens));
  await plain.dispose();
  yesNoLogits!.data.forEach((value, i) =>
    expect(together["yesNoLogits"]!.data[i]).toBeCloseTo(value as number, 5),
  );
});

test("Template A: the target's own tokens are its text and what is asked of it, and without a target the last one", async () => {
  for (const [template, own] of [
    ["Liked: {{user_history}}. Does the user like {{target_item}}? Answer:", "Fargo? Answer:"],
    ["A question.", "."],
  ] as const) {
    const prompt = createPrompt({ template, target: "{{title}}" });
    const [text] = [prompt.render(records[2]!, catalogue as never)];
    const tokenizer = await trainTokenizer([text], { vocabularySize: 300 });
    const tokens = [await tokenizer.encode(text)];
    const [count] = await ownTokens(
      { tokens, render: (by) => [by.render(records[2]!, catalogue as never)] },
      { tokenizer, prompt },
    );
    const said = await tokenizer.decode(Array.from(tokens[0]!).slice(tokens[0]!.length - count!));
    expect(said.trim().endsWith(own)).toBe(true);
    expect(said.length).toBeLessThan(own.length + 12);
  }
});
