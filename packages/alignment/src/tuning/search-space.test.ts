import fc from "fast-check";
import { expect, test } from "vitest";
import { enumerateTrials, parseSearch } from "./search-space.ts";

test("a rule that ends trials may be told by its name alone", () => {
  const named = (stopping: unknown): unknown => parseSearch({ stopping }, "s.yaml").stopping;
  expect(named("median")).toEqual(named({}));
  expect(named("asha")).toEqual(named({ asha: {} }));
  expect(named("none")).toBe("none");
  expect(() => named("medain")).toThrow(expect.objectContaining({ code: "config/invalid" }));
});

test("a grid is all combinations, in order", () => {
  const search = parseSearch({ search: { a: [1, 2], "b.c": ["x", true] } }, "s.yaml");
  expect(enumerateTrials(search)).toEqual([
    { a: 1, "b.c": "x" },
    { a: 1, "b.c": true },
    { a: 2, "b.c": "x" },
    { a: 2, "b.c": true },
  ]);
  expect(enumerateTrials(parseSearch({}, "s.yaml"))).toEqual([{}]);
});

test("a grid whose trials are halved is drawn, for in order each might be better than those before it", () => {
  const grid = { a: [1, 2, 3, 4], b: [1, 2, 3, 4] };
  const order = (content: object): string[] =>
    enumerateTrials(parseSearch({ search: grid, ...content }, "s.yaml")).map((trial) =>
      JSON.stringify(trial),
    );
  const drawn = order({ stopping: "asha" });
  expect(drawn).not.toEqual(order({}));
  expect(drawn.toSorted()).toEqual(order({}).toSorted());
  expect(order({ stopping: "asha" })).toEqual(drawn);
  expect(order({ stopping: "asha", seed: 2 })).not.toEqual(drawn);
});

test("steps of a range: evenly spaced, in factors on a logarithmic scale", () => {
  const valuesOf = (range: object): unknown[] =>
    enumerateTrials(parseSearch({ search: { a: range } }, "s.yaml")).map(({ a }) => a);
  expect(valuesOf({ from: 0, to: 1, steps: 3 })).toEqual([0, 0.5, 1]);
  expect(valuesOf({ from: 1e-5, to: 1e-3, scale: "log", steps: 3 })).toEqual([1e-5, 1e-4, 1e-3]);
  // 1, 1.67, 2.33, 3, rounded, once each
  expect(valuesOf({ from: 1, to: 3, whole: true, steps: 4 })).toEqual([1, 2, 3]);
});

test("random trials: as many as asked for, within the bounds, none twice, the same for the same seed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(1000), (trials, seed) => {
      const search = parseSearch(
        { search: { rate: { from: 1e-4, to: 1e-2, scale: "log" }, dim: [8, 16, 32] }, trials, seed },
        "s.yaml",
      );
      const found = enumerateTrials(search);
      expect(found).toEqual(enumerateTrials(search));
      expect(new Set(found.map((trial) => JSON.stringify(trial))).size).toBe(trials);
      for (const { rate, dim } of found as { rate: number; dim: number }[]) {
        expect(rate).toBeGreaterThanOrEqual(1e-4);
        expect(rate).toBeLessThanOrEqual(1e-2);
        expect([8, 16, 32]).toContain(dim);
      }
    }),
  );
});

test("random trials of lists are drawn without replacement, so asking for too many gives all", () => {
  const search = parseSearch({ search: { a: [1, 2, 3], b: [1, 2] }, trials: 10 }, "s.yaml");
  const all = enumerateTrials({ ...search, trials: "all" });
  expect(new Set(enumerateTrials(search).map((trial) => JSON.stringify(trial)))).toEqual(
    new Set(all.map((trial) => JSON.stringify(trial))),
  );
  const few = enumerateTrials({ ...search, trials: 4 });
  expect(few).toHaveLength(4);
  for (const trial of few) expect(all).toContainEqual(trial);
});

test("each whole number of a range is drawn as often as the next, and no value lies beyond its bounds", () => {
  const drawn = (range: object): number[] => {
    const search = { a: range, b: { from: 0, to: 1 } };
    return enumerateTrials(parseSearch({ search, trials: 3000 }, "s.yaml")).map(({ a }) => a as number);
  };
  const counts = (values: readonly number[]): number[] =>
    [...new Set(values)]
      .toSorted((a, b) => a - b)
      .map((one) => values.filter((value) => value === one).length);
  const even = counts(drawn({ from: 1, to: 3, whole: true }));
  expect(even).toHaveLength(3);
  for (const count of even) expect(count).toBeGreaterThan(900);
  expect(new Set(drawn({ from: 0.6, to: 3.4, whole: true }))).toEqual(new Set([1, 2, 3]));
  expect(new Set(drawn({ from: 0, to: 2, whole: true }))).toEqual(new Set([0, 1, 2]));
  expect(new Set(drawn({ from: 1, to: 3, whole: true, scale: "log" }))).toEqual(new Set([1, 2, 3]));
  const ends = { a: { from: 1.2345612, to: 9.8765478, steps: 2 } };
  expect(enumerateTrials(parseSearch({ search: ends }, "s.yaml")).map(({ a }) => a)).toEqual([
    1.2345612, 9.8765478,
  ]);
});

test("random trials of lists do not need all combinations in memory", () => {
  const values = Array.from({ length: 20 }, (_, i) => i);
  const grid = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`p${i}`, values]));
  const search = parseSearch({ search: grid, trials: 50 }, "s.yaml");
  const found = enumerateTrials(search);
  expect(new Set(found.map((trial) => JSON.stringify(trial))).size).toBe(50);
  expect(enumerateTrials(search)).toEqual(found);
  for (const path of Object.keys(grid))
    expect(new Set(found.map((trial) => trial[path])).size).toBeGreaterThan(10);
  expect(() => parseSearch({ search: grid }, "s.yaml")).toThrowError(
    expect.objectContaining({ code: "tune/too-many" }),
  );
});

test("a setting before a part of it is searched, a part before the whole is refused", () => {
  const both = { crm: [{ model: "FM" }], "crm.embeddingDim": [2, 4] };
  expect(enumerateTrials(parseSearch({ search: both }, "s.yaml"))).toHaveLength(2);
  const lost = { "crm.embeddingDim": [2, 4], crm: [{ model: "FM" }] };
  expect(() => parseSearch({ search: lost }, "s.yaml")).toThrowError(
    expect.objectContaining({ code: "tune/paths", place: "search.crm.embeddingDim" }),
  );
});

test.each([
  [{ search: { a: { from: 1.2, to: 1.8, whole: true, steps: 2 } } }, "tune/range", "search.a"],
  [{ search: { a: { from: 1, to: 2 } } }, "tune/range", "search.a"],
  [{ search: { a: { from: 2, to: 2, steps: 2 } } }, "tune/range", "search.a"],
  [{ search: { a: { from: 0, to: 2, steps: 2, scale: "log" } } }, "tune/range", "search.a"],
  [{ search: { a: [] } }, "config/invalid", "s.yaml"],
  [{ serch: {} }, "config/unknown-key", "s.yaml"],
])("%j is refused", (input, code, place) => {
  expect(() => parseSearch(input, "s.yaml")).toThrowError(expect.objectContaining({ code, place }));
});
