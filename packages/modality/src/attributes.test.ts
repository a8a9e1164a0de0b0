import { expect, test } from "vitest";
import { cleanHtml, parseAttribute, splitTitleYear } from "./attributes.ts";

test.each([
  ["Heat (1995)", { title: "Heat", year: 1995 }],
  [
    "City of Lost Children, The (Cité, La) (1995) ",
    { title: "City of Lost Children, The (Cité, La)", year: 1995 },
  ],
  ["2001: A Space Odyssey", { title: "2001: A Space Odyssey" }],
  ["Heat (95)", { title: "Heat (95)" }],
  ["(1984)", { title: "(1984)" }],
])("%s", (text, expected) => expect(splitTitleYear(text)).toEqual(expected));

test.each([
  ["Tom &amp; Jerry&#39;s &quot;Caf&eacute;&quot;", `Tom & Jerry's "Café"`],
  ["<b>Bold</b>&nbsp;<br/>line\n two", "Bold line two"],
  ["a &lt; b &#x1F600; &bogus; &#0;", "a < b 😀 &bogus;"],
  ["1 < 2 > 0", "1 < 2 > 0"],
])("cleans %s", (text, expected) => expect(cleanHtml(text)).toBe(expected));

test("cells become values", () => {
  const list = { column: 0, type: "list" as const, separator: "|" };
  expect(parseAttribute(list, "War|Noir||")).toEqual(["War", "Noir"]);
  expect(parseAttribute(list, '["a","b|c"]')).toEqual(["a", "b|c"]);
  expect(parseAttribute(list, "[a]")).toEqual(["[a]"]);
  expect(parseAttribute(list, " ")).toBeUndefined();
  expect(parseAttribute({ column: 0, type: "number", separator: "|" }, "7.5")).toBe(7.5);
  expect(parseAttribute(3, "7.50")).toBe("7.50");
  expect(parseAttribute(3, null)).toBeUndefined();
});
