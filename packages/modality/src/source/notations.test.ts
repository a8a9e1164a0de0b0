import { gzipSync } from "node:zlib";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { InteractionLog } from "../log.ts";
import { type MappingFolder, mappingFolder } from "./mapping.test-helper.ts";
import { zstdOf } from "./zstd.test-helper.ts";

let folder: MappingFolder;
beforeAll(async () => {
  folder = await mappingFolder();
});
afterAll(() => folder.remove());

/** The rows of a log as the file says them, in its order of time. */
function rowsOf(log: InteractionLog): string[] {
  return Array.from(
    log.user,
    (user, row) => `${log.users.ids[user]} ${log.items.ids[log.item[row]!]} ${log.rating[row]}`,
  );
}

const netflix = { timeUnit: "text", columns: { user: 0, rating: 1, time: 2 } } as const;

test("a heading line tells the item of the rows below it, in each file from its start", async () => {
  await folder.write({
    "combined_1.txt": "1:\n7,3,2005-09-06\n8,5,2005-09-07\n\n2:\n7,1,2005-09-08\n",
    "combined_2.txt": "30:\n9,4,2005-09-09",
  });
  const log = await folder.load({
    ratings: { path: "combined_*.txt", ...netflix, heading: { column: "item" } },
  });
  expect(rowsOf(log)).toEqual(["7 1 3", "8 1 5", "7 2 1", "9 30 4"]);
  expect(log.report.skipped).toEqual([]);
});

test("a heading line may be another one, tell the user, and end in empty cells, as spreadsheets write it", async () => {
  await folder.write({
    "kdd.txt": "11|2\n5\t90\t100\n6\t30\t200\n12|1\n5\t50\t300\n",
    "hash.txt": "# a b\nx 4 100\ny 2 200\n",
    "sheet.csv": "user,rating,time\n1:,,\n7,3,100\n2:,,\n8,4,200\n",
  });
  const kdd = await folder.load(
    {
      ratings: {
        path: "kdd.txt",
        delimiter: "\t",
        heading: { column: "user", pattern: String.raw`^(\d+)\|\d+$` },
        columns: { item: 0, rating: 1, time: 2 },
        timeUnit: "steps",
      },
    },
    { label: { threshold: 50 } },
  );
  expect(rowsOf(kdd)).toEqual(["11 5 90", "11 6 30", "12 5 50"]);
  const hash = await folder.load({
    ratings: {
      path: "hash.txt",
      delimiter: " ",
      heading: { column: "user", pattern: "^# (.+)$" },
      columns: { item: 0, rating: 1, time: 2 },
      timeUnit: "steps",
    },
  });
  expect(rowsOf(hash)).toEqual(["a b x 4", "a b y 2"]);
  const sheet = await folder.load({
    ratings: {
      path: "sheet.csv",
      header: true,
      heading: { column: "item" },
      columns: { user: "user", rating: "rating", time: "time" },
      timeUnit: "steps",
    },
  });
  expect(rowsOf(sheet)).toEqual(["7 1 3", "8 2 4"]);
});

test("rows above the first heading have no item, and are bad; an open quote swallows no heading", async () => {
  await folder.write({
    "early.txt": '6,3,2005-01-01\n1:\n7,"3,2005-01-02\n2:\n8,4,2005-01-03"\n9,5,2005-01-04\n',
  });
  const ratings = { path: "early.txt", ...netflix, heading: { column: "item" } } as const;
  await expect(folder.load({ ratings })).rejects.toMatchObject({
    code: "data/bad-row",
    place: expect.stringMatching(/early\.txt:3, column 2/),
  });
  const log = await folder.load({ ratings: { ...ratings, onBadRow: "skip" } });
  expect(rowsOf(log)).toEqual(["9 2 5"]);
  expect(
    log.report.skipped.map(({ reason, count, firstPlace }) => [
      reason.slice(0, 24),
      count,
      firstPlace.slice(-22),
    ]),
  ).toEqual([
    ["a quote is not closed, o", 1, "/early.txt:3, column 2"],
    ["the item's id is empty, ", 1, "rly.txt:1, column item"],
    ["the time is no date betw", 1, "txt:5, column 3 (time)"],
  ]);
});

test("without the setting the error names it; with it nothing else may tell the item", async () => {
  await folder.write({ "n.txt": "1:\n7,3,2005-09-06\n8,5,2005-09-07\n" });
  const ratings = { path: "n.txt", ...netflix };
  await expect(folder.load({ ratings })).rejects.toMatchObject({
    code: "data/bad-row",
    place: expect.stringContaining("n.txt:1, column 2"),
    remedy: expect.stringContaining("heading: { column: item }"),
  });
  for (const wrong of [
    { heading: { column: "item" }, columns: { user: 0, item: 1, rating: 1, time: 2 } },
    { heading: { column: "item", pattern: "^1:$" } },
    { heading: { column: "item", pattern: "(" } },
    { heading: { column: "item" }, format: "parquet" },
    { heading: { column: "item" }, impressions: {} },
  ] as const)
    await expect(folder.load({ ratings: { ...ratings, ...wrong } })).rejects.toMatchObject({
      code: "config/invalid",
    });
});

test("the last column takes the rest of a line where that is said", async () => {
  await folder.write({
    "r.csv": "7,1,3,100\n7,2,5,200\n8,1,4,300\n",
    "movie_titles.txt": "1,2003,Dinosaur Planet\n2,NULL,At Home Among Strangers, A Stranger, Too\n",
  });
  const items = { path: "movie_titles.txt", missing: "NULL", columns: { item: 0, year: 1, title: 2 } };
  const ratings = {
    path: "r.csv",
    timeUnit: "steps",
    columns: { user: 0, item: 1, rating: 2, time: 3 },
  } as const;
  const log = await folder.load({ ratings, items: { ...items, lastTakesRest: true } });
  expect(log.items.attributes).toEqual([
    { year: "2003", title: "Dinosaur Planet" },
    { title: "At Home Among Strangers, A Stranger, Too" },
  ]);
  await folder.write({ "movie_titles.txt": "1,2003,A\n3,2004,B\n2,2005,C, D\n" });
  await expect(folder.load({ ratings, items })).rejects.toMatchObject({
    code: "data/bad-row",
    remedy: expect.stringContaining("lastTakesRest"),
  });
});

const jsonColumns = { user: "u", item: "i", rating: "r", time: "t" };

test("lines in Python's notation are read as JSON is", async () => {
  await folder.write({
    "python.jsonl": [
      `{'u': 'O\\'Neil', 'i': "it's", 'r': 3.0, 't': 100}`,
      `{u'u': u'caf\\xe9', u'i': u'\\U0001f600', u'r': 4, u't': 200L}`,
      `{'u': 76561197970982479, 'i': 'C:\\\\temp', 'r': 5, 't': 300, 'more': [(1, 'a'), None, {'x': True}]}`,
      `{"u": "a", "i": "q", "r": 1, "t": 400, "note": None}`,
      `{"u": "a", "i": ", 'tis", "r": 2, "t": 500}`,
    ].join("\n"),
  });
  const log = await folder.load({
    ratings: { path: "python.jsonl", format: "jsonl", timeUnit: "steps", columns: jsonColumns },
  });
  expect(rowsOf(log)).toEqual([
    "O'Neil it's 3",
    "café 😀 4",
    String.raw`76561197970982479 C:\temp 5`,
    "a q 1",
    "a , 'tis 2",
  ]);
});

test("what Python writes that is no plain value is a bad row, with its line", async () => {
  const good = `{'u': 'a', 'i': 'b', 'r': 3, 't': 100}`;
  const bad = [
    `{'u': 'a', 'i': 'b', 'r': 3, 't': datetime.datetime(2018, 1, 1)}`,
    `{'u': 'a', 'i': 'b', 'r': 3, 't': 1`,
    `{'u': b'a', 'i': 'b', 'r': 3, 't': 100}`,
    `{'u': 'a', 'i': 'b', 'r': None, 't': 100}`,
    `{'u': ${"[".repeat(5000)}`,
    `{'a', 'b'}`,
  ];
  await folder.write({ "bad.jsonl": [good, ...bad, good.replace("3", "5")].join("\n") });
  const ratings = { path: "bad.jsonl", format: "jsonl", timeUnit: "steps", columns: jsonColumns } as const;
  await expect(folder.load({ ratings })).rejects.toMatchObject({
    code: "data/bad-row",
    place: expect.stringContaining("bad.jsonl:2"),
    remedy: expect.stringContaining("json.dumps"),
  });
  const { size, report } = await folder.load({ ratings: { ...ratings, onBadRow: "skip" } });
  expect([size, report.skipped.reduce((sum, { count }) => sum + count, 0)]).toEqual([2, 6]);
});

test("the elements of a list in each line are rows, with the fields of the line beside them", async () => {
  await folder.write({
    "steam.jsonl": [
      `{'user': 'a', 'reviews': [{'id': '1', 'good': True, 'at': 'Posted November 5, 2011.'}, {'id': '2', 'good': False, 'at': 'Posted July 1, 2012.'}]}`,
      `{'user': 'b', 'reviews': []}`,
      `{'user': 'c', 'reviews': [{'id': '1', 'good': True, 'at': 'Posted May 9, 2013.'}]}`,
      `{'user': 'd'}`,
    ].join("\n"),
    "baskets.jsonl":
      '{"u": "a", "t": 1, "in": {"basket": ["x", 12345678901234567890]}, "r": 4}\n{"u": "b", "t": 2, "in": {"basket": ["y"]}, "r": 1}\n',
  });
  const ratings = {
    path: "steam.jsonl",
    format: "jsonl",
    timeFormat: "Posted %B %d, %Y.",
    columns: { user: "user", item: "reviews[].id", label: "reviews[].good", time: "reviews[].at" },
  } as const;
  const label = { column: true } as const;
  await expect(folder.load({ ratings }, { label })).rejects.toMatchObject({
    code: "data/bad-row",
    place: expect.stringContaining("steam.jsonl:2"),
  });
  const log = await folder.load({ ratings: { ...ratings, onBadRow: "skip" } }, { label });
  expect(rowsOf(log)).toEqual(["a 1 1", "a 2 0", "c 1 1"]);
  expect(log.report.skipped).toMatchObject([{ count: 2 }]);
  const baskets = await folder.load({
    ratings: {
      path: "baskets.jsonl",
      format: "jsonl",
      timeUnit: "steps",
      columns: { user: "u", item: "in.basket[]", rating: "r", time: "t" },
    },
  });
  expect(rowsOf(baskets)).toEqual(["a 12345678901234567890 4", "a x 4", "b y 1"]);
  await expect(
    folder.load({ ratings: { ...ratings, columns: { ...ratings.columns, time: "others[].at" } } }, { label }),
  ).rejects.toMatchObject({ code: "config/invalid", place: "data.source.ratings.columns.time" });
  await expect(
    folder.load(
      { ratings: { ...ratings, columns: { ...ratings.columns, item: "reviews[].ide" } } },
      { label },
    ),
  ).rejects.toMatchObject({ code: "data/unknown-column", remedy: expect.stringContaining('"reviews.id"') });
});

test("a list that Python printed, in a file or in the cells of impressions, is read as one", async () => {
  await folder.write({
    "list.json": `[{'u': 'a', 'i': "it's", 'r': 5, 't': 1}, {'u': 'b', 'i': 'x', 'r': None, 't': 2}, {'u': 'b', 'i': 'x', 'r': 2, 't': 3}]`,
    "shown.csv": `u,shown,clicked,t\na,"['x', 'it s', ""z's""]","['x']",1\nb,['x' 'y'],('y'),2\nc,[],[],3\nd,[11 12  13],"(12,)",4\n`,
  });
  const list = await folder.load({
    ratings: { path: "list.json", format: "json", timeUnit: "steps", onBadRow: "skip", columns: jsonColumns },
  });
  expect(rowsOf(list)).toEqual(["a it's 5", "b x 2"]);
  expect(list.report.skipped).toMatchObject([{ count: 1 }]);
  const shown = await folder.load(
    {
      ratings: {
        path: "shown.csv",
        header: true,
        timeUnit: "steps",
        onBadRow: "skip",
        impressions: { labels: "clicked" },
        columns: { user: "u", item: "shown", label: "clicked", time: "t" },
      },
    },
    { label: { column: true } },
  );
  expect(rowsOf(shown)).toEqual([
    "a it s 0",
    "a x 1",
    "a z's 0",
    "b x 0",
    "b y 1",
    "d 11 0",
    "d 12 1",
    "d 13 0",
  ]);
  expect(shown.report.skipped).toMatchObject([{ count: 1 }]);
});

test("conditions on fields of JSON lines that are no columns hold, and a misspelt one is an error", async () => {
  await folder.write({
    "events.jsonl": ["view", "buy", "view"]
      .map((kind, at) => `{"u": "a", "i": "x", "r": ${at + 3}, "t": ${at}, "event": {"kind": "${kind}"}}`)
      .join("\n"),
  });
  const ratings = { path: "events.jsonl", format: "jsonl", timeUnit: "steps", columns: jsonColumns } as const;
  const log = await folder.load({ ratings: { ...ratings, where: "event.kind = view" } });
  expect(rowsOf(log)).toEqual(["a x 3", "a x 5"]);
  await expect(folder.load({ ratings: { ...ratings, where: "event.kin = view" } })).rejects.toMatchObject({
    code: "data/unknown-column",
    remedy: expect.stringContaining("event.kind"),
  });
});

test.each([
  ["20141231235959", "%Y%m%d%H%M%S"],
  ["201412312359", "%Y%m%d%H%M"],
])("of the time %s the error names the form of the date", async (time, form) => {
  await folder.write({ "date.csv": `a,x,5,${time}\n` });
  await expect(
    folder.load({ ratings: { path: "date.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } } }),
  ).rejects.toMatchObject({
    code: "data/bad-row",
    remedy: expect.stringContaining(`timeFormat: "${form}"`),
  });
});

test("errors name the unit of times, and a header that cannot be read", async () => {
  await folder.write({ "ms.csv": "a,x,5,1500000000123.0\n", "quoted.csv": '"u" ,"i",r,t\na,x,5,1\n' });
  await expect(
    folder.load({ ratings: { path: "ms.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } } }),
  ).rejects.toMatchObject({
    code: "data/bad-row",
    remedy: expect.stringContaining("timeUnit: milliseconds"),
  });
  await expect(
    folder.load({ ratings: { path: "quoted.csv", header: true, columns: jsonColumns } }),
  ).rejects.toMatchObject({ code: "data/bad-row", place: expect.stringMatching(/quoted\.csv:1$/) });
});

test("a JSON list keeps long numbers, is read compressed and in other encodings, and its bad elements are counted", async () => {
  const list = `[ {"u": 76561197970982479, "i": "a, [b] \\"{", "r": 4, "t": 1},\n {"u": 76561197970982480,\r\n "i": "é", "r": 2, "t": 2}, 5, [1], {"u": "c"} ]`;
  for (const [name, bytes] of [
    ["a.json", Buffer.from(list)],
    ["a.json.gz", gzipSync(list)],
    ["a.json.zst", zstdOf(Buffer.from(list))],
    ["a.json", Buffer.from(list, "latin1")],
  ] as const) {
    await writeFile(join(folder.path, name), bytes);
    const encoding =
      bytes.includes(0xe9) && name === "a.json" && bytes.length === list.length ? "latin1" : "utf-8";
    const ratings = {
      path: name,
      format: "json",
      encoding,
      timeUnit: "steps",
      columns: jsonColumns,
    } as const;
    await expect(folder.load({ ratings })).rejects.toMatchObject({
      code: "data/bad-row",
      place: expect.stringMatching(/a\.json.*:[345]/),
    });
    const log = await folder.load({ ratings: { ...ratings, onBadRow: "skip" } });
    expect(rowsOf(log)).toEqual(['76561197970982479 a, [b] "{ 4', "76561197970982480 é 2"]);
    expect(log.report.skipped.reduce((sum, { count }) => sum + count, 0)).toBe(3);
  }
  await expect(
    folder.load({ ratings: { path: "a.json", format: "json", columns: jsonColumns } }),
  ).rejects.toMatchObject({ code: "data/encoding" });
});
