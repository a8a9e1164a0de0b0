import fc from "fast-check";
import { expect, test } from "vitest";
import { createLog, historyLength, rowSegments } from "./index.ts";
import { randomLog } from "./random-log.test-helper.ts";

/** Ten events of item 0 by users 0 to 9, at times 0 to 9; then users 0 and 10 meet items 0 and 1 at time 20. */
const log = (ties: "exclude" | "order") =>
  createLog({
    user: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 10, 10),
    item: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1),
    rating: new Float32Array(13),
    time: Float64Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 20, 20),
    label: new Uint8Array(13),
    users: {
      ids: Array.from({ length: 11 }, (_, u) => `u${u}`),
      activeCount: 11,
      attributes: Array.from({ length: 11 }, () => ({})),
    },
    items: { ids: ["x", "y"], activeCount: 2, attributes: [{}, {}] },
    history: { maxLength: 1, ties },
    likedThreshold: 4,
  });
const train = Uint32Array.from({ length: 10 }, (_, row) => row);

test("segments counted by hand; positions are among the given rows", () => {
  const segments = rowSegments(log("exclude"), train, Uint32Array.of(9, 10, 11, 12));
  expect(segments.map(({ name, rows }) => [name, [...rows]])).toEqual([
    ["new users", [2, 3]],
    ["known users", [0, 1]],
    ["no history", [0, 2, 3]],
    ["history of 1 to 5", [1]],
    ["new items", [1, 3]],
    ["known items", [0, 2]],
    ["items without events", [1, 3]],
    ["items with 1 to 9", [0]],
    ["items with 10 to 99", [2]],
  ]);
  // In the order of time, user and item the rows of an instant know those before them.
  const ordered = rowSegments(log("order"), train, Uint32Array.of(10, 11, 12));
  expect(ordered.map(({ name, rows }) => [name, [...rows]])).toEqual(
    expect.arrayContaining([
      ["no history", [1]],
      ["history of 1 to 5", [0, 2]],
      ["items without events", [0]],
      ["items with 1 to 9", [2]],
    ]),
  );
});

test("every way has every row once, and counts are those of looking at all rows", () => {
  fc.assert(
    fc.property(randomLog(), fc.nat({ max: 39 }), (random, cut) => {
      const all = Uint32Array.from({ length: random.size }, (_, row) => row);
      const segments = rowSegments(random, all.slice(0, cut), all);
      const named = (...words: string[]) =>
        segments.filter(({ name }) => words.some((word) => name.includes(word)));
      const before = (row: number) =>
        all.filter(
          (other) =>
            random.item[other] === random.item[row] &&
            (random.history.ties === "order" ? other < row : random.time[other]! < random.time[row]!),
        ).length;
      for (const way of [
        named("users"),
        named("history"),
        named("new items", "known items"),
        named("items with"),
      ])
        expect(way.flatMap(({ rows }) => [...rows]).toSorted((a, b) => a - b)).toEqual([...all]);
      for (const { name, rows } of segments)
        for (const row of rows) {
          if (name === "no history") expect(historyLength(random, row)).toBe(0);
          if (name === "items without events") expect(before(row)).toBe(0);
          if (name === "items with 1 to 9") expect(before(row)).toBeGreaterThan(0);
          if (name === "items with 10 to 99") expect(before(row)).toBeGreaterThan(9);
        }
    }),
  );
});
