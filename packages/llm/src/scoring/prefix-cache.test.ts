import { eagerRuntime, initialValues, onnxRuntime, type Runtime, type Values } from "@corella/engine";
import { createGenerator } from "@corella/random";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createScorer,
  decoder,
  parseDecoderConfig,
  tinyLlamaConfig,
  toHuggingFace,
  type DecoderConfig,
  type LoadedAdapter,
  type ScorerOptions,
  type TextTokenizer,
} from "../index.ts";
import { smallDecoders } from "../decoder/small-decoders.test-helper.ts";
import { createPrefixCache, type KnownPrefixes, type KnownRows } from "./prefix-cache.ts";

const base = tinyLlamaConfig({
  vocabularySize: 17,
  hiddenSize: 12,
  layers: 3,
  heads: 6,
  keyValueHeads: 2,
  maxPositions: 64,
});
const { llama, qwen3, "mistral with a window": mistral, gemma3 } = smallDecoders(base);
const configs = { llama: llama!, qwen3: qwen3!, "mistral with a window": mistral!, gemma3: gemma3! };
const answers = { yes: 5, no: 6, dangling: "", appended: "" };
/** A token a letter. */
const tokenizer = {
  encodeBatch: (texts: readonly string[]) =>
    Promise.resolve(texts.map((text) => Array.from(text, (letter) => letter.charCodeAt(0) - 97))),
} as TextTokenizer;

/** Weights so steep that a wrong key shows. */
function steep(config: DecoderConfig): Values {
  const values = initialValues(decoder(config, { answers }), 5);
  for (const array of Object.values(values)) array.forEach((value, i) => (array[i] = value * 8));
  return values;
}

const letters = fc
  .array(fc.constantFrom(..."abcdefghij"), { minLength: 1, maxLength: 9 })
  .map((all) => all.join(""));
/** Calls of a server: prompts that begin as others did, go on from them, or stop before their end. */
const calls = fc
  .array(fc.array(fc.tuple(fc.nat(3), fc.nat(12), letters), { minLength: 1, maxLength: 5 }), {
    minLength: 2,
    maxLength: 5,
  })
  .map((all) => {
    const histories = ["abc", "abd", "abcabcabcabc", "j"];
    return all.map((prompts) =>
      prompts.map(([user, keep, more]) => {
        const text = `${histories[user]!.slice(0, Math.max(1, keep))}${more}`;
        histories[user] = text.slice(0, 20);
        return text;
      }),
    );
  });

test.each<[string, () => Runtime, DecoderConfig]>([
  ...Object.entries(configs).map(([name, config]): [string, () => Runtime, DecoderConfig] => [
    name,
    () => onnxRuntime(),
    config,
  ]),
  ["gemma3 on the reference runtime", () => eagerRuntime("cpu"), configs.gemma3],
])(
  "%s: prompts that go on from earlier calls score as alone, however little is kept",
  async (_, runtimeOf, config) => {
    const common = { config, values: steep(config), tokenizer, answers, runtime: runtimeOf() };
    const plain = await createScorer(common);
    const bytesOfToken = 4 + config.layers * 2 * config.keyValueHeads * config.headDim * 4;
    const cached = await Promise.all(
      [12, 30, 10_000].map((tokens) => createScorer({ ...common, prefixCacheBytes: tokens * bytesOfToken })),
    );
    await fc.assert(
      fc.asyncProperty(calls, async (all) => {
        for (const prompts of all) {
          const wanted = await plain.scores(prompts);
          for (const scorer of cached) {
            const found = await scorer.scores(prompts);
            wanted.probability.forEach((p, i) =>
              expect(Math.abs(found.probability[i]! - p)).toBeLessThan(1e-5),
            );
          }
        }
      }),
      { numRuns: 5 },
    );
    await Promise.all([plain, ...cached].map((scorer) => scorer.dispose()));
  },
);

test("an adapter goes on from its own keys", async () => {
  const config = base;
  const lora = { rank: 2, alpha: 16, targetModules: ["k_proj", "v_proj", "down_proj"] as const };
  const adapter = (seed: number): LoadedAdapter => {
    const random = createGenerator(seed, "adapter");
    const all = Object.entries(initialValues(decoder(config, { answers, lora }), seed));
    const values = all
      .filter(([name]) => name.includes("lora_"))
      .map(([name, array]) => [name, array.map(() => random.normal())]);
    return { lora, values: Object.fromEntries(values) as Values };
  };
  const options: ScorerOptions = {
    config,
    values: steep(config),
    adapters: { one: adapter(1), two: adapter(2) },
    tokenizer,
    answers,
    runtime: onnxRuntime(),
  };
  const plain = await createScorer(options);
  const cached = await createScorer({ ...options, prefixCacheBytes: 1e6 });
  const prompts = ["abcdefgh", "abcdefgij"];
  const seen = new Set<number>();
  for (const name of ["one", "two", undefined, "one", "two"]) {
    const [wanted, found] = await Promise.all(
      [plain, cached].map((scorer) =>
        (name === undefined ? scorer : scorer.withAdapter(name)).score(prompts),
      ),
    );
    wanted!.forEach((p, i) => expect(Math.abs(found![i]! - p)).toBeLessThan(1e-5));
    seen.add(wanted![0]!);
  }
  expect(seen.size).toBe(3);
});

test("keys that turn with the prompts beside them are not kept", async () => {
  const config = parseDecoderConfig(
    { ...toHuggingFace(base), head_dim: 4, rope_scaling: { rope_type: "dynamic", factor: 4 } },
    "a test",
  );
  const options = {
    config,
    values: steep(config),
    tokenizer,
    answers,
    runtime: eagerRuntime("cpu"),
    prefixCacheBytes: 1e6,
  };
  await expect(createScorer(options)).rejects.toMatchObject({ code: "llm/prefix-cache" });
  const fixed = await createScorer({ ...options, ropeLength: 32 });
  const plain = await createScorer({ ...options, ropeLength: 32, prefixCacheBytes: 0 });
  for (const prompt of ["abcdefghij", "abcdefghia"])
    expect((await fixed.score([prompt]))[0]).toBeCloseTo((await plain.score([prompt]))[0]!, 5);
});

describe("what is kept", () => {
  const tokens = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
  /** Rows that tell their token. */
  const rowsOf = (text: string): KnownRows[] => {
    const rows = Float32Array.from(tokens(text));
    return [{ keys: rows, values: rows.map((value) => -value) }];
  };
  const put = (known: KnownPrefixes, text: string): number => {
    const found = known.find(tokens(text), text.length);
    known.keep(tokens(text), text.length, found, rowsOf(text.slice(found.length)));
    return found.length;
  };
  const bytesOfToken = 4 + 2 * 4;

  test("is the longest beginning, with the rows of its tokens", () => {
    const known = createPrefixCache(1e6, 1, 1).of(undefined);
    expect(known.find(tokens("abcd"), 4)).toMatchObject({ length: 0 });
    put(known, "abcd");
    expect(put(known, "abcdefgh")).toBe(4);
    expect(known.find(tokens("abcdefxyz"), 9)).toEqual({ length: 6, layers: rowsOf("abcdef") });
    expect(known.find(tokens("abcdefxyz"), 2)).toEqual({ length: 2, layers: rowsOf("ab") });
    expect(known.find(tokens("abcdefxyz"), -1).length).toBe(0);
  });

  test("stays within its bytes; what was not asked for the longest time goes first", () => {
    const cache = createPrefixCache(10 * bytesOfToken, 1, 1);
    const known = cache.of(undefined);
    put(known, "aaaa");
    put(known, "bbbb");
    known.find(tokens("aaaa"), 4);
    put(known, "cccc");
    expect(["aaaa", "bbbb", "cccc"].map((text) => known.find(tokens(text), 4).length)).toEqual([4, 0, 4]);
    expect(cache.bytes).toBe(8 * bytesOfToken);
    put(known, "d".repeat(11));
    expect(cache.bytes).toBe(8 * bytesOfToken);
  });

  test("is one sequence of a user whose history goes on, and both where only a beginning is shared", () => {
    const cache = createPrefixCache(1e6, 1, 1);
    const known = cache.of(undefined);
    put(known, "history-film1");
    put(known, "history-event-film2");
    expect(cache.bytes).toBe("history-event-film2".length * bytesOfToken);
    put(known, "hits");
    expect(cache.bytes).toBe("history-event-film2hits".length * bytesOfToken);
    // Another adapter computes other keys.
    expect(cache.of("one").find(tokens("hits"), 4).length).toBe(0);
  });
});
