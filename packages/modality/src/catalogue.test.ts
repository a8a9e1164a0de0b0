import { expect, test } from "vitest";
import { catalogueFromJson } from "./catalogue.ts";

const item = ["a", { title: "A", year: 1999, genres: ["Drama"] }];

test("a catalogue that was read from a file has its items", () => {
  const catalogue = catalogueFromJson({ version: 1, items: [item, ["b", {}]] });
  expect(catalogue.ids).toEqual(["a", "b"]);
  expect(catalogue.attributesOf("a")).toEqual({ title: "A", year: 1999, genres: ["Drama"] });
});

test.each([
  [undefined, "catalogue"],
  [null, "catalogue"],
  [[], "catalogue"],
  [{ version: 2, items: [] }, "catalogue"],
  [{ version: 1, items: {} }, "catalogue"],
  [{ version: 1, items: [item, "b"] }, "catalogue.items.1"],
  [{ version: 1, items: [[1, {}]] }, "catalogue.items.0"],
  [{ version: 1, items: [["b"]] }, "catalogue.items.0"],
  [{ version: 1, items: [["b", {}, {}]] }, "catalogue.items.0"],
  [{ version: 1, items: [["b", null]] }, "catalogue.items.0"],
  [{ version: 1, items: [["b", []]] }, "catalogue.items.0"],
  [{ version: 1, items: [["b", { year: null }]] }, "catalogue.items.0"],
  [{ version: 1, items: [["b", { genres: ["Drama", 1] }]] }, "catalogue.items.0"],
])("%j is refused with its place", (json, place) => {
  expect(() => catalogueFromJson(json)).toThrow(expect.objectContaining({ code: "config/invalid", place }));
});
