import fc from "fast-check";
import { expect, test } from "vitest";
import { createTextIndex } from "./text-index.ts";

const index = createTextIndex([
  { id: "10", name: "The Sea" },
  { id: "1", name: "Seaside" },
  { id: "sea", name: "Hill" },
  { id: "2", name: "Fantômas\n\tÀ l'ombre" },
  { id: "21" },
]);

test("the very id comes first, then beginnings of names, of ids and of words, then anything that holds the query", () => {
  expect(index.search("sea", 10)).toEqual([2, 1, 0]);
  expect(index.search("1", 10)).toEqual([1, 0, 4]);
  expect(index.search("2", 10)).toEqual([3, 4]);
  expect(index.search("1", 2)).toEqual([1, 0]);
});

test("case, accents and line breaks do not matter, and nothing matches across ids and names of rows", () => {
  expect(index.search(" fantomas  a L'OMBRE ", 5)).toEqual([3]);
  expect(index.search("FANTÔ", 5)).toEqual([3]);
  expect(index.search("sea\n1", 5)).toEqual([]);
  expect(index.search("seaside\nsea", 5)).toEqual([]);
  expect(index.search("hill 2", 5)).toEqual([]);
  expect(index.search(" ", 5)).toEqual([]);
  expect(createTextIndex([]).search("a", 5)).toEqual([]);
});

test("it finds exactly the rows that hold the query, each once", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", " "), maxLength: 5 });
  fc.assert(
    fc.property(fc.array(fc.record({ id: text, name: text })), text, (rows, query) => {
      const wanted = query.trim();
      const holding = [...rows.keys()].filter(
        (row) => wanted !== "" && (rows[row]!.id.includes(wanted) || rows[row]!.name.includes(wanted)),
      );
      const found = createTextIndex(rows).search(query, rows.length);
      expect(new Set(found).size).toBe(found.length);
      expect(found.toSorted((a, b) => a - b)).toEqual(holding);
    }),
  );
});
