import { expect, test } from "vitest";
import { cleanHtml, finishItem, parseAttribute, splitTitleYear } from "./attributes.ts";

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

test("what is only tags is no value, in a text and in a list", () => {
  const item = { title: "<br/>", year: 1999, tags: ["<b>new</b>", "<p></p>"], genres: ["<i></i>", "<hr>"] };
  expect(finishItem(item, { cleanHtml: true, titleYear: false })).toEqual({ year: 1999, tags: ["new"] });
});

test("cells become values", () => {
  const list = { column: 0, type: "list" as const, separator: "|" };
  const value = (column: Parameters<typeof parseAttribute>[0], text: string | null): unknown =>
    parseAttribute(column, text).value;
  expect(value(list, "War|Noir||")).toEqual(["War", "Noir"]);
  expect(value(list, '["a","b|c"]')).toEqual(["a", "b|c"]);
  expect(value(list, "[a]")).toEqual(["a"]);
  expect(value(list, " ")).toBeUndefined();
  expect(value({ column: 0, type: "number", separator: "|" }, "7.5")).toBe(7.5);
  expect(value(3, "7.50")).toBe("7.50");
  expect(value(3, null)).toBeUndefined();
});

test.each<[string, string[]]>([
  ["['calm', 'long']", ["calm", "long"]],
  [`["it's", 'a "b"', 'c\\'d']`, ["it's", 'a "b"', "c'd"]],
  ["('a', 'b')", ["a", "b"]],
  ["{'a', 'b'}", ["a", "b"]],
  ["['a' 'b'\n 'c']", ["a", "b", "c"]],
  ["[Drama, War]", ["Drama", "War"]],
  ["{Drama,War}", ["Drama", "War"]],
  ["[1, 2.5, None, nan, True]", ["1", "2.5", "true"]],
  ["[1 2\n 3]", ["1", "2", "3"]],
  ['[["Books","Fiction"],["Books","Travel"]]', ["Books", "Fiction", "Travel"]],
  ["[['Books'], ['Travel', ['Asia']]]", ["Books", "Travel", "Asia"]],
  ["[' a ', '']", ["a"]],
  ["['caf\\xe9', '\\u00e9']", ["café", "é"]],
  ["Food, Coffee | Tea", ["Food, Coffee", "Tea"]],
])("the list %s", (text, expected) =>
  expect(parseAttribute({ column: 0, type: "list", separator: "|" }, text)).toEqual({ value: expected }),
);

test("of objects the field that is named", () => {
  const list = { column: 0, type: "list" as const, separator: "|" };
  const json = '[{"id": 28, "name": "Action"}, {"id": 12, "name": "Adventure"}]';
  const python = "[{'id': 28, 'name': 'Action'}, {'id': 12, 'name': \"Adventure\"}]";
  for (const text of [json, python]) {
    expect(parseAttribute({ ...list, key: "name" }, text)).toEqual({ value: ["Action", "Adventure"] });
    expect(parseAttribute({ ...list, key: "id" }, text)).toEqual({ value: ["28", "12"] });
    expect(parseAttribute(list, text).problem).toMatch(/which of their fields is meant: id, name$/);
    expect(parseAttribute({ ...list, key: "naem" }, text).problem).toMatch(
      /without a field "naem"; they have id, name/,
    );
  }
  expect(parseAttribute({ ...list, key: "*" }, '{"fantasy": 3, "war": 1}')).toEqual({
    value: ["fantasy", "war"],
  });
  expect(parseAttribute({ ...list, type: "text", key: "name" }, json)).toEqual({
    value: "Action, Adventure",
  });
  expect(parseAttribute({ ...list, type: "number", key: "id" }, json)).toEqual({ value: 28 });
  expect(parseAttribute({ ...list, key: "name" }, "[]")).toEqual({});
});

test.each(['["a", "b', "['a', 'b", "[{'id': 1, 'name': }]", "{'a': [}"])("%s is cut", (text) =>
  expect(parseAttribute({ column: 0, type: "list", separator: "|" }, `${text}]`).problem).toMatch(
    /can be read neither/,
  ),
);
