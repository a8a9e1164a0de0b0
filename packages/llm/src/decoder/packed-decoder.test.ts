import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  type Batch,
  type Part,
  type Program,
} from "@corella/engine";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decoder,
  isLoraParam,
  packedDecoder,
  packedFeeds,
  packSequences,
  paddedFeeds,
  tinyLlamaConfig,
  twoWayLoss,
  type DecoderOutput,
  type DecoderConfig,
  type LoraConfig,
} from "../index.ts";
import { foldSequences } from "../batching/folded-sequences.ts";
import { sharedPrefixes } from "../batching/shared-prefixes.ts";
import { smallDecoders } from "./small-decoders.test-helper.ts";

const vocabulary = 17;
const answers = { yes: 5, no: 6 };
const base = tinyLlamaConfig({
  vocabularySize: vocabulary,
  hiddenSize: 12,
  layers: 2,
  heads: 3,
  keyValueHeads: 1,
  maxPositions: 64,
});
const configs = smallDecoders(base);
const lora: LoraConfig = { rank: 2, alpha: 4, targetModules: ["q_proj", "k_proj", "v_proj", "down_proj"] };

function program(part: Part<DecoderOutput>): Program {
  return {
    ...part,
    inputs: { ...part.inputs, labels: { shape: ["batch"], dtype: "float32" } },
    forward(scope) {
      const output = part.forward(scope);
      const states = Object.entries(output.hiddenStates).map(([layer, state]) => [`hidden.${layer}`, state]);
      return {
        loss: twoWayLoss(output.yesNoLogits, scope.input("labels")),
        outputs: { logits: output.yesNoLogits, ...Object.fromEntries(states) },
      };
    },
  };
}

/**
 * How far two float32 computations of one number may lie apart, in units of the largest number among its like. A sum of n
 * terms is off by at most n u times their absolute sum, u = 2^-24 (Higham 2002, eq. 3.5), and sums that follow one another
 * add up their n. On the way through the blocks these are the two norms' and four products' terms over the hidden size, the
 * heads, the positions and the inner size; the way back has as many, and both computations have their own error. What
 * cancels in a sum is smaller than its terms, so the size of a single gradient says nothing: the unit is the largest of all.
 */
function roundingTolerance(config: DecoderConfig): number {
  const { layers, hiddenSize, heads, headDim, intermediateSize } = config;
  const longest = 16;
  const terms = layers * (5 * hiddenSize + heads * headDim + headDim + longest + intermediateSize);
  return 2 * 2 * terms * 2 ** -24;
}

/** The largest element, and no less than 1: a loss's gradient is a difference of probabilities. */
function largest(arrays: readonly ArrayLike<number>[]): number {
  return arrays.reduce(
    (most, array) => Array.from(array, Math.abs).reduce((x, y) => Math.max(x, y), most),
    1,
  );
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((x, y) => Math.max(x, y), 0);
}

/** Values with an adapter that does something: B begins as zero. */
function valuesOf(config: DecoderConfig): ReturnType<typeof initialValues> {
  const values = initialValues(decoder(config, { answers, lora }), 3);
  for (const [name, array] of Object.entries(values))
    if (name.endsWith("lora_B.weight")) array.forEach((_, i) => (array[i] = Math.sin(i) / 4));
    else if (name.includes("norm")) array.forEach((neutral, i) => (array[i] = neutral + Math.sin(i) / 3));
    // So that the tokens matter more than they do at the start of training.
    else if (!name.includes("lora")) array.forEach((value, i) => (array[i] = 12 * value));
  return values;
}

const token = fc.integer({ min: 0, max: vocabulary - 1 });
const users = fc.array(
  fc.tuple(
    fc.array(token, { maxLength: 9 }),
    fc.array(fc.array(token, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
  ),
  { minLength: 1, maxLength: 3 },
);
const sequencesOf = (drawn: readonly [number[], number[][]][]): number[][] =>
  drawn.flatMap(([prefix, targets]) => targets.map((target) => [...prefix, ...target]));
/** Prompts about one event after another: each begins with those before it. */
const chainOf = (events: readonly number[][]): number[][] =>
  events.map((_, last) => events.slice(0, last + 1).flat());
const chains = fc.array(fc.array(token, { minLength: 1, maxLength: 4 }), { maxLength: 4 });

describe("a packed batch gives what its sequences give alone", () => {
  for (const [name, config] of Object.entries(configs)) {
    test(`${name}: hidden states, logits, loss and gradients`, async () => {
      const values = valuesOf(config);
      const runs = [];
      for (const part of [decoder(config, { answers, lora }), packedDecoder(config, { answers, lora })])
        runs.push(
          await onnxRuntime({ threads: 1 }).gradients(program(part), values, { trainable: isLoraParam }),
        );
      const [plain, packed] = runs as [(typeof runs)[0], (typeof runs)[0]];
      await fc.assert(
        fc.asyncProperty(users, chains, async (drawn, events) => {
          const sequences = [...chainOf(events), ...sequencesOf(drawn)];
          const labels = {
            labels: { shape: [sequences.length], data: Float32Array.from(sequences, (_, i) => i % 2) },
          };
          const a = await plain.run({ ...paddedFeeds(sequences), ...labels });
          const b = await packed.run({ ...packedFeeds(sequences), ...labels });
          const tolerance = roundingTolerance(config);
          const states = Object.values(a.outputs).map(({ data }) => data);
          const ofOutputs = tolerance * largest(states);
          expect(Math.abs(a.loss - b.loss)).toBeLessThan(ofOutputs);
          for (const [key, { data }] of Object.entries(a.outputs))
            expect(largestDifference(data, b.outputs[key]!.data), key).toBeLessThan(ofOutputs);
          const ofGradients = tolerance * largest(Object.values(a.gradients));
          for (const [key, gradient] of Object.entries(a.gradients))
            expect(largestDifference(gradient, b.gradients[key]!), key).toBeLessThan(ofGradients);
        }),
        { numRuns: 25 },
      );
      await plain.dispose();
      await packed.dispose();
    });
  }

  test("on the reference runtime as well", async () => {
    const values = valuesOf(base);
    const sequences = sequencesOf([
      [
        [1, 2, 3],
        [[4], [5, 6, 7], [5, 8]],
      ],
      [[9], [[10, 11]]],
    ]);
    const labels = { labels: { shape: [4], data: Float32Array.of(1, 0, 1, 1) } };
    const feeds: Batch = { ...packedFeeds(sequences), ...labels };
    const part = program(packedDecoder(base, { answers, lora }));
    const fast = await onnxRuntime({ threads: 1 }).gradients(part, values);
    const reference = await eagerRuntime("cpu").gradients(part, values);
    const a = await fast.run(feeds);
    const b = await reference.run(feeds);
    for (const [key, gradient] of Object.entries(b.gradients))
      expect(largestDifference(gradient, a.gradients[key]!), key).toBeLessThan(1e-5);
    await fast.dispose();
  });
});

describe("shared prefixes", () => {
  test("are those of tokens, and leave every sequence a token of its own", () => {
    const sequences = [[1, 2, 3, 4], [9], [1, 2, 3], [7, 7], [1, 2, 3, 5, 6]];
    // [1, 2, 3] must keep its last token: the three share two. 9 and 7, 7 share nothing.
    expect(sharedPrefixes(sequences)).toEqual([
      { length: 0, members: [3, 1] },
      { length: 2, members: [2, 0, 4] },
    ]);
  });

  test("a longer prefix of fewer wins where it saves more", () => {
    const user = (first: number): number[] => [0, ...Array.from({ length: 10 }, (_, i) => first + i)];
    const sequences = [
      [...user(20), 1],
      [...user(40), 1],
      [...user(20), 2],
      [...user(40), 2],
    ];
    expect(sharedPrefixes(sequences)).toEqual([
      { length: 11, members: [0, 2] },
      { length: 11, members: [1, 3] },
    ]);
    // Four strangers share the first token of the template only, and that is what is shared.
    const strangers = [20, 30, 40, 50].map(user);
    expect(sharedPrefixes(strangers)).toEqual([{ length: 1, members: [0, 1, 2, 3] }]);
  });

  test("may be more than one call takes as arguments", () => {
    // Pairs, each with three tokens of its own behind the one that all share.
    const pairs = 150_000;
    const sequences = Array.from({ length: 2 * pairs }, (_, i) => [1, i >> 1, 2, 3, i]);
    const groups = sharedPrefixes([[0, 0], ...sequences]);
    expect(groups).toHaveLength(1 + pairs);
    expect(groups.at(-1)).toEqual({ length: 4, members: [2 * pairs - 1, 2 * pairs] });
  });

  test("every sequence is in one batch, within the budget, and reads as it was", () => {
    const options = { maxTokens: 40, tokenBudget: 40, batchSize: 5 };
    fc.assert(
      fc.property(users, chains, (drawn, events) => {
        const sequences = [...chainOf(events), ...sequencesOf(drawn)];
        const { batches } = packSequences(sequences, options);
        const rows = batches.flatMap((batch) => [...batch.rows]);
        expect(rows.toSorted((a, b) => a - b)).toEqual(sequences.map((_, i) => i));
        for (const { feeds, rows: inBatch } of batches) {
          const of = (name: string): Int32Array => feeds[name]!.data as Int32Array;
          const [prefixes, prefixTime] = feeds["prefixPlaces"]!.shape as [number, number];
          const [computed, stretches, stretch] = feeds["places"]!.shape as [number, number, number];
          const time = stretches * stretch;
          expect(computed).toBeLessThanOrEqual(5);
          if (computed > 1)
            expect(prefixes * prefixTime + computed * (time - stretches + 1)).toBeLessThanOrEqual(40);
          inBatch.forEach((row, i) => {
            const sequence = of("sequenceOf")[i]!;
            const prefix = of("prefixOf")[sequence]!;
            const stands = [
              ...of("prefixPlaces").subarray(prefix * prefixTime, (prefix + 1) * prefixTime),
              ...of("places").subarray(sequence * time, (sequence + 1) * time),
            ].filter((place) => place >= 0);
            const read = stands.slice(0, sequences[row]!.length);
            expect(read.map((place) => of("tokens")[place])).toEqual(sequences[row]);
            expect(read.map((place) => of("positions")[place])).toEqual(sequences[row]!.map((_, j) => j));
            expect(read.at(-1)).toBe(of("last")[i]);
          });
        }
      }),
    );
  });
});

describe("sequences that others begin with", () => {
  test("are answered inside the longest of them", () => {
    const sequences = [[1, 2], [3], [1, 2, 4, 5], [1, 2, 4], [1, 2, 9], [3]];
    const { hosts, answers: found } = foldSequences(sequences);
    expect(hosts).toEqual([2, 4, 5]);
    expect(found.map(({ length }) => length)).toEqual(sequences.map(({ length }) => length));
    for (const [place, { host, length }] of found.entries())
      expect(sequences[hosts[host]!]!.slice(0, length)).toEqual(sequences[place]);
  });

  test("nothing is computed that another sequence computes, and nothing is left out", () => {
    fc.assert(
      fc.property(users, chains, (drawn, events) => {
        const sequences = [...chainOf(events), ...sequencesOf(drawn)];
        const { hosts, answers: found } = foldSequences(sequences);
        for (const [place, { host, length }] of found.entries())
          expect(sequences[hosts[host]!]!.slice(0, length)).toEqual(sequences[place]);
        for (const a of hosts)
          for (const b of hosts)
            if (a !== b) expect(sequences[b]!.slice(0, sequences[a]!.length)).not.toEqual(sequences[a]);
      }),
    );
  });

  test("what comes after a question has no part in its answer", async () => {
    const values = valuesOf(base);
    const inference = await onnxRuntime({ threads: 1 }).infer(
      {
        ...packedDecoder(base, { answers, lora }),
        forward: (scope) => ({
          outputs: { logits: packedDecoder(base, { answers, lora }).forward(scope).yesNoLogits },
        }),
      },
      values,
    );
    const question = [1, 2, 3];
    const answered = async (rest: number[]): Promise<number[]> => {
      const { logits } = await inference.run(packedFeeds([question, [...question, ...rest]]));
      return Array.from(logits!.data as Float32Array).slice(0, 2);
    };
    const [yes, no] = [await answered([answers.yes, 9, 4]), await answered([answers.no, 2, 11])];
    expect(largestDifference(yes, no)).toBeLessThan(1e-5);
    await inference.dispose();
  });
});
