import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataConfigInput } from "../config.ts";
import { type MappingFolder, mappingFolder, ratingLines } from "./mapping.test-helper.ts";

let folder: MappingFolder;
beforeAll(async () => {
  folder = await mappingFolder();
});
afterAll(() => folder.remove());

const ratings = {
  path: "ratings.csv",
  header: true,
  columns: { user: "user", item: "item", rating: "rating", time: "time" },
};
type Items = NonNullable<DataConfigInput["source"]["items"]>;

describe("ids that are the same number but not the same text meet", () => {
  test.each([
    ["floats of pandas", ["0.0", "1.0", "12.0"], ["0", "1", "12"]],
    ["floats on the other side", ["0", "1", "12"], ["0.0", "1.0", "12.0"]],
    ["blanks", ["0", "1", "12"], [" 0", "1 ", "\u00a012"]],
    ["floats of Java", ["10000000.0", "10", "12"], ["1.0E7", "10.0", "12.0"]],
    ["floats beside a missing one", ["0", "1", "12"], ["0.0", "1.0", "12.0", "nan"]],
    ["both spellings in one column", ["0.0", "1", "12.0"], ["0", "1", "12"]],
  ])("%s", async (_, inRatings, inTable) => {
    await folder.write({
      "ratings.csv": ratingLines(12, ["u0", "u1"], inRatings),
      "items.csv": `id,year\n${inTable.map((id, i) => `${id},${1990 + i}`).join("\n")}\n`,
    });
    const items: Items = { path: "items.csv", header: true, columns: { item: "id", year: "year" } };
    const log = await folder.load({ ratings, items });
    const years = Array.from(log.item, (code) => log.items.attributes[code]!.year);
    expect(new Set(years)).toEqual(new Set(["1990", "1991", "1992"]));
    expect(log.items.activeCount).toBe(3);
    expect(log.report.warnings).toEqual([]);
  });

  test.each([
    ["versions beside a date", ["1.0", "2.0"], ["1.0", "2.0", "1997-08-20"]],
    ["versions beside a word in the ratings", ["1.0", "2.0", "x"], ["1.0", "2.0"]],
    ["whole numbers", ["1", "2"], ["1.0", "2.0", "1997-08-20"]],
  ])("the ratings decide how the table's are spelt: %s", async (_, inRatings, inTable) => {
    await folder.write({
      "ratings.csv": ratingLines(12, ["u0", "u1"], inRatings),
      "items.csv": `id,year\n${inTable.map((id, i) => `${id},${1990 + i}`).join("\n")}\n`,
    });
    const items: Items = { path: "items.csv", header: true, columns: { item: "id", year: "year" } };
    const { items: met } = await folder.load({ ratings, items });
    expect(met.attributes.slice(0, 2)).toEqual([{ year: "1990" }, { year: "1991" }]);
    expect(met.activeCount).toBe(inRatings.length);
  });

  test("a table with blanks in its ids may have an attribute called id", async () => {
    await folder.write({
      "ratings.csv": ratingLines(12, ["u0", "u1"], ["1", "2"]),
      "items.csv": "item,code\n 1,a\n2 ,b\n",
    });
    const items: Items = { path: "items.csv", header: true, columns: { item: "item", id: "code" } };
    const log = await folder.load({ ratings, items });
    expect(log.items.attributes).toEqual([{ id: "a" }, { id: "b" }]);
  });

  test("but 1.0 and 1 of versions and 007 and 7 stay apart", async () => {
    await folder.write({ "ratings.csv": ratingLines(30, ["007", "7"], ["1.0", "1", "2.1"]) });
    const { users, items } = await folder.load({ ratings });
    expect([users.ids, items.ids]).toEqual([
      ["007", "7"],
      ["1", "1.0", "2.1"],
    ]);
  });

  test("a user called nan among numbers is warned of", async () => {
    await folder.write({ "ratings.csv": ratingLines(12, ["1.0", "nan", "2.0"], ["a", "b"]) });
    const { users, report } = await folder.load({ ratings });
    expect(users.ids).toEqual(["1", "2", "nan"]);
    expect(report.warnings[0]!.message).toMatch(/^4 rows of the ratings have the user "nan"/);
  });
});

describe("ids that do not meet", () => {
  const items: Items = { path: "items.csv", header: true, columns: { item: "id", year: "year" } };
  test.each([
    ["leading zeros", ["1", "2"], ["0001", "0002"], 'for example "1", which the items write "0001"'],
    ["upper and lower case", ["b00a", "b00b"], ["B00A", "B00B"], "upper and lower case"],
    ["what is no digit", ["111", "222"], ["tt0111", "tt0222"], "what is no digit"],
    ["other ids", ["a", "b"], ["x", "y"], 'for example "a", while the items have "x"'],
  ])("%s: an error names them", async (_, inRatings, inTable, words) => {
    await folder.write({
      "ratings.csv": ratingLines(8, ["u"], inRatings),
      "items.csv": `id,year\n${inTable.map((id) => `${id},1990`).join("\n")}\n`,
    });
    await expect(folder.load({ ratings, items })).rejects.toMatchObject({
      code: "data/no-join",
      message: expect.stringContaining(words),
      place: join(folder.path, "items.csv"),
    });
  });

  test("some of them by their spelling: a warning", async () => {
    await folder.write({
      "ratings.csv": ratingLines(20, ["u"], ["1", "100", "200"]),
      "items.csv": "id,year\n001,1990\n100,1991\n200,1992\n",
    });
    const { report } = await folder.load({ ratings, items });
    expect(report.warnings).toMatchObject([
      { message: expect.stringMatching(/^1 of 3 items .* leading zeros alone/) },
    ]);
  });
});

test.each([
  ["1", "0"],
  ["True", "False"],
  ["1.0", "0.0"],
  ["true", "false"],
  ["TRUE", ""],
  ["yes", "no"],
])("columns of %s and %s are flags", async (yes, no) => {
  await folder.write({
    "ratings.csv": ratingLines(8, ["u"], ["a", "b"]),
    "items.csv": `id,Action,Comedy\na,${yes},${no}\nb,${yes},${yes}\n`,
  });
  const items: Items = {
    path: "items.csv",
    header: true,
    columns: { item: "id" },
    flags: { genres: { firstColumn: 1, names: ["Action", "Comedy"] } },
  };
  const log = await folder.load({ ratings, items });
  expect(log.items.attributes).toEqual([{ genres: ["Action"] }, { genres: ["Action", "Comedy"] }]);
  await folder.write({ "items.csv": `id,Action,Comedy\na,${yes},${no}\nb,${yes},maybe\n` });
  await expect(folder.load({ ratings, items })).rejects.toMatchObject({
    code: "data/bad-row",
    message: 'The flag Comedy of genres is neither 0 nor 1, true nor false: "maybe".',
    place: `${join(folder.path, "items.csv")}:3, column 3 (flag genres 1)`,
  });
});

test("objects in lists need the name of the field; skipped, they are counted and the rest of the row stays", async () => {
  await folder.write({
    "ratings.csv": ratingLines(8, ["u"], ["a", "b"]),
    "items.jsonl": [
      {
        id: "a",
        title: "One",
        genres: [{ id: 28, name: "Action" }, { name: "War" }],
        paths: [
          ["X", "Y"],
          ["X", "Z"],
        ],
      },
      { id: "b", title: "Two", genres: "['Drama', 'War']", paths: [] },
    ]
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(""),
  });
  const itemsWith = (genres: object, onBadRow: "error" | "skip" = "error"): Items => ({
    path: "items.jsonl",
    format: "jsonl",
    onBadRow,
    columns: {
      item: "id",
      title: "title",
      genres: { column: "genres", type: "list", ...genres },
      paths: { column: "paths", type: "list" },
    },
  });
  await expect(folder.load({ ratings, items: itemsWith({}) })).rejects.toMatchObject({
    code: "data/bad-row",
    message: expect.stringMatching(
      /^A cell of genres holds objects; say by `key` which of their fields is meant: id, name/,
    ),
  });
  const named = await folder.load({ ratings, items: itemsWith({ key: "name" }) });
  expect(named.items.attributes).toEqual([
    { title: "One", genres: ["Action", "War"], paths: ["X", "Y", "Z"] },
    { title: "Two", genres: ["Drama", "War"] },
  ]);
  const skipped = await folder.load({ ratings, items: itemsWith({}, "skip") });
  expect(skipped.items.attributes[0]).toEqual({ title: "One", paths: ["X", "Y", "Z"] });
  expect(skipped.report.skipped).toMatchObject([{ table: "items", count: 1 }]);
  expect(skipped.report.attributes.find(({ name }) => name === "genres")).toMatchObject({
    filled: 2,
    read: 1,
  });
  const asText = await folder.load({
    ratings,
    items: { path: "items.jsonl", format: "jsonl", columns: { item: "id", genres: "genres" } },
  });
  expect(asText.report.warnings).toMatchObject([
    { message: expect.stringMatching(/lists or objects, but are taken as text/) },
  ]);
});

test("a misspelt field of JSON lines is an error that names the nearest, a field that some lines lack is none", async () => {
  const lines = [
    { user: "u", item: "a", rating: 5, time: 1e9, note: "x" },
    { user: "u", item: "b", rating: 1, time: 1e9 + 9 },
  ];
  await folder.write({ "r.jsonl": lines.map((line) => `${JSON.stringify(line)}\n`).join("") });
  await folder.write({ "items.jsonl": '{"id":"a","title":null}\n{"id":"b","year":1990}\n' });
  const from = (columns: typeof ratings.columns): DataConfigInput["source"]["ratings"] => ({
    path: "r.jsonl",
    format: "jsonl",
    columns,
  });
  await expect(folder.load({ ratings: from({ ...ratings.columns, rating: "ratng" }) })).rejects.toMatchObject(
    {
      code: "data/unknown-column",
      message: 'The file has no column "ratng" (data.source.ratings.columns.rating).',
      remedy: 'Did you mean "rating"?',
    },
  );
  const items = (year: string): Items => ({
    path: "items.jsonl",
    format: "jsonl",
    columns: { item: "id", title: "title", year },
  });
  const log = await folder.load({ ratings: from(ratings.columns), items: items("year") });
  expect(log.items.attributes).toEqual([{}, { year: "1990" }]);
  expect(log.report.warnings).toMatchObject([
    { message: expect.stringMatching(/title of the items has no value in any row/) },
  ]);
  await expect(folder.load({ ratings: from(ratings.columns), items: items("yaer") })).rejects.toMatchObject({
    remedy: 'Did you mean "year"?',
  });
});

test("bytes of Parquet without the mark of a text are UTF-8; objects are named by key, floats are ids", async () => {
  const connection = await (await DuckDBInstance.create()).connect();
  const to = (name: string): string => `'${join(folder.path, name)}' (FORMAT parquet)`;
  await connection.run(
    `COPY (SELECT encode('café ' || i % 3) AS u, (i % 4)::DOUBLE AS i, 1 + i % 5 AS r, 1000000000 + i * 3600 AS t FROM range(20) AS _(i)) TO ${to("r.parquet")}`,
  );
  await connection.run(
    `COPY (SELECT i AS id, encode('Café ' || i) AS title, [encode('é')] AS tags, [{'id': i, 'name': 'N' || i}] AS g FROM range(4) AS _(i)) TO ${to("i.parquet")}`,
  );
  const log = await folder.load({
    ratings: {
      path: "r.parquet",
      format: "parquet",
      columns: { user: "u", item: "i", rating: "r", time: "t" },
    },
    items: {
      path: "i.parquet",
      format: "parquet",
      columns: {
        item: "id",
        title: "title",
        tags: { column: "tags", type: "list" },
        g: { column: "g", type: "list", key: "name" },
      },
    },
  });
  expect(log.users.ids).toEqual(["café 0", "café 1", "café 2"]);
  expect(log.items.attributes[1]).toEqual({ title: "Café 1", tags: ["é"], g: ["N1"] });
});
