import fc from "fast-check";
import { expect, test } from "vitest";
import { enumerateTrials, parseSearch } from "./search-space.ts";

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

test.each([
  [{ search: { a: { from: 1, to: 2 } } }, "tune/range", "search.a"],
  [{ search: { a: { from: 2, to: 2, steps: 2 } } }, "tune/range", "search.a"],
  [{ search: { a: { from: 0, to: 2, steps: 2, scale: "log" } } }, "tune/range", "search.a"],
  [{ search: { a: [] } }, "config/invalid", "s.yaml"],
  [{ serch: {} }, "config/unknown-key", "s.yaml"],
])("%j is refused", (input, code, place) => {
  expect(() => parseSearch(input, "s.yaml")).toThrowError(expect.objectContaining({ code, place }));
});
