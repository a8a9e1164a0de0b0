import fc from "fast-check";
import { expect, test } from "vitest";
import { randomLog } from "../random-log.test-helper.ts";
import { recordAt } from "../record.ts";
import { createPrompt } from "./prompt.ts";
import { embeddingFrom, type ItemEmbedding, mostSimilarEvents } from "./similar.ts";

// Angles to the target "t" = (1, 0): near 0, middle 45, far 90 degrees, opposite 180; lengths do not matter.
const vectors: Record<string, number[]> = {
  t: [1, 0],
  near: [7, 0],
  middle: [0.1, 0.1],
  far: [0, 3],
  opposite: [-2, 0],
  zero: [0, 0],
};
const embedding: ItemEmbedding = (item) => vectors[item];
const history = ["near", "unknown", "opposite", "middle", "far", "near"].map((item, time) => ({
  item,
  rating: time,
  time,
}));

test("the most similar events are told, in the order of time", () => {
  const choose = mostSimilarEvents({ item: "t", history }, embedding);
  const times = (count: number): (number | undefined)[] => choose(count).map(({ time }) => time);
  expect(times(0)).toEqual([]);
  expect(times(1)).toEqual([5]); // of two equally near ones the newer
  expect(times(2)).toEqual([0, 5]);
  expect(times(3)).toEqual([0, 3, 5]);
  expect(times(5)).toEqual([0, 2, 3, 4, 5]); // what has no vector comes last
  expect(times(99)).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a target without a vector, or with an empty one, gets the newest", () => {
  for (const item of ["unknown", "zero"]) {
    const known = history.filter((event) => event.item !== "unknown");
    const choose = mostSimilarEvents({ item, history: known }, embedding);
    expect(choose(3)).toEqual(known.slice(-3));
  }
});

test("a prompt drops the least similar first until its tokens fit", () => {
  const countTokens = (text: string): number => text.split("|").length;
  const told = (maxTokens: number): string =>
    createPrompt(
      {
        template: "{{user_history}}",
        historyItem: "{{id}} {{rating}}",
        separator: "|",
        historyLength: 4,
        retrieval: "crm",
        maxTokens,
      },
      { countTokens, embedding },
    ).render({ user: null, item: "t", history });
  expect(told(9)).toBe("near 0|middle 3|far 4|near 5");
  expect(told(2)).toBe("near 0|near 5");
  expect(told(1)).toBe("near 5");
});

test("a prompt that retrieves asks for vectors; vectors of items are an embedding", () => {
  expect(() => createPrompt({ retrieval: "llm" })).toThrow(
    expect.objectContaining({ code: "prompt/no-embedding" }),
  );
  const known = embeddingFrom({ items: ["a", "b"], values: Float32Array.of(1, 2, 3, 4) });
  expect([known("b"), known("c")]).toEqual([Float32Array.of(3, 4), undefined]);
});

test("of any log: events of the user before the sample, none twice, none less similar than one left out", () => {
  const random: ItemEmbedding = (item) =>
    item === "i3" ? undefined : [Math.sin(Number(item[1]) * 5), Math.cos(Number(item[1]) * 3), 1];
  const similarity = (a: string, b: string): number => {
    const [x, y] = [random(a), random(b)];
    if (x === undefined || y === undefined) return Number.NEGATIVE_INFINITY;
    const dot = (p: ArrayLike<number>, q: ArrayLike<number>): number =>
      Array.from(p).reduce((sum, value, i) => sum + value * q[i]!, 0);
    return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
  };
  fc.assert(
    fc.property(randomLog(), fc.integer({ min: 1, max: 8 }), (log, count) => {
      for (let row = 0; row < log.size; row++) {
        const record = recordAt(log, row, Number.POSITIVE_INFINITY);
        const chosen = mostSimilarEvents(record, random)(count);
        expect(chosen).toHaveLength(Math.min(count, record.history.length));
        const places = chosen.map((event) => record.history.indexOf(event));
        expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
        for (const { time } of chosen) {
          if (log.history.ties === "exclude") expect(time!).toBeLessThan(record.time!);
          else expect(time!).toBeLessThanOrEqual(record.time!);
        }
        const least = Math.min(...chosen.map(({ item }) => similarity(record.item, item)));
        for (const event of record.history) {
          if (!chosen.includes(event))
            expect(similarity(record.item, event.item)).toBeLessThanOrEqual(least + 1e-12);
        }
      }
    }),
  );
});
