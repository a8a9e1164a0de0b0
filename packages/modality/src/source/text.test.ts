import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataConfigInput } from "../config.ts";
import { loadLog } from "../load-log.ts";
import type { InteractionLog } from "../log.ts";
import { readLines } from "./lines.ts";
import { numberMacro, parseNumber } from "./number.ts";
import { Xxh64 } from "./xxh64.ts";
import { zstdOf } from "./zstd.test-helper.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-text-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Reading = Partial<DataConfigInput["source"]["ratings"]>;
type Items = Partial<NonNullable<DataConfigInput["source"]["items"]>>;

const columns = { user: "u", item: "i", rating: "r", time: "t" };

/** The log of the ratings in `path`, and of the items beside them. */
function load(
  path: string,
  reading: Reading = {},
  items?: Items & { path: string },
): Promise<InteractionLog> {
  const ratings = { path, header: true, columns, ...reading };
  const source = {
    ratings,
    ...(items !== undefined && {
      items: { header: true, columns: { item: "i", title: "title" }, ...items },
    }),
  };
  return loadLog({ source, label: { threshold: 4 } }, { baseFolder: folder });
}

async function write(name: string, content: string | Buffer): Promise<string> {
  await writeFile(join(folder, name), content);
  return name;
}

/** Rows u0,i0,1,… with a rating of each of 1 to 5. */
function rowsOf(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, row) => {
    const at = from + row;
    return `u${at % 5},i${at % 7},${(at % 5) + 1},${1_000_000_000 + 60 * at}`;
  });
}

const csv = (rows: readonly string[]): string => `${["u,i,r,t", ...rows].join("\n")}\n`;
const skippedOf = ({ report }: InteractionLog): [string, number][] =>
  report.skipped.map(({ firstPlace, count }) => [firstPlace.replace(`${folder}/`, ""), count]);

describe("several files", () => {
  const swapped = rowsOf(10, 10).map((row) => row.split(",").reverse().join(","));

  test("are each read by the names of their own header", async () => {
    await write("swapped-1.csv", csv(rowsOf(10)));
    await write("swapped-2.csv", `t,r,i,u\n${swapped.join("\n")}\n`);
    await write(
      "swapped-3.csv",
      `t,more,r,i,u\n${swapped.map((row) => row.replace(",", ",x,")).join("\n")}\n`,
    );
    const log = await load("swapped-*.csv");
    expect([log.size, log.users.ids.length, log.items.ids.length]).toEqual([30, 5, 7]);
    expect(Math.max(...log.rating)).toBe(5);
    expect(log.time[0]).toBe(1e9);
  });

  test.each<[string, string, Reading]>([
    ["has another name", `u,i,stars,t\n${rowsOf(3).join("\n")}\n`, {}],
    ["has none", `${rowsOf(3).join("\n")}\n`, {}],
    [
      "has the wanted ones elsewhere",
      `i,u,r,t\n${rowsOf(3).join("\n")}\n`,
      { columns: { user: 0, item: 1, rating: 2, time: 3 } },
    ],
  ])("whose header %s are refused with both headers", async (_, second, reading) => {
    await write("other-1.csv", csv(rowsOf(3)));
    await write("other-2.csv", second);
    await expect(load("other-?.csv", reading)).rejects.toMatchObject({
      code: "data/headers-differ",
      message: expect.stringMatching(/other-1\.csv has "u, i, r, t".*other-2\.csv has/),
      place: expect.stringMatching(/other-2\.csv:1$/),
    });
  });

  test("say of a bad row in which of them it is", async () => {
    await write("place-1.csv", csv(rowsOf(3)));
    await write("place-2.csv", `t,r,i,u\n\n5,x,i1,u1\n`);
    await expect(load("place-?.csv")).rejects.toMatchObject({
      place: expect.stringMatching(/place-2\.csv:3, column 2 \(rating\)$/),
    });
  });

  test("and a name that a header has twice is asked for by its position", async () => {
    await write("twice.csv", "u,i,r,t,r\nu1,i1,2,5,4\n");
    await expect(load("twice.csv")).rejects.toMatchObject({ code: "data/ambiguous-column" });
  });
});

describe("onBadRow: skip counts every line", () => {
  test.each<[string, Record<number, string>, [string, number][], number]>([
    ["an open quote", { 20: 'u4,"Open,3,1000001140' }, [["q.csv:21, column 2", 1]], 99],
    ["two of them", { 20: 'u4,"Open,3,1', 31: 'u4,"Open,3,1' }, [["q.csv:21, column 2", 2]], 98],
    [
      "one that an inch mark closes",
      { 20: 'u4,"Open,3,1', 31: 'u4,15",3,1' },
      [["q.csv:21, column 2", 1]],
      99,
    ],
    ["text behind a quote", { 20: 'u4,"The" Band,3,1' }, [["q.csv:21, column 2", 1]], 99],
    ["one in the last line", { 99: 'u4,i1,3,"1' }, [["q.csv:100, column 4", 1]], 99],
    ["one in the header's file end", { 0: '"u4,i1,3,1' }, [["q.csv:1, column 1", 1]], 99],
  ])("%s", async (_, spoiled, skipped, size) => {
    const rows = rowsOf(100).map((row, at) => spoiled[at === 0 ? 0 : at] ?? row);
    await write("q.csv", rows.join("\n"));
    const log = await load("q.csv", {
      header: false,
      onBadRow: "skip",
      columns: { user: 0, item: 1, rating: 2, time: 3 },
    });
    const places = skipped.map(([place, count]): [string, number] => [
      place.replace(/:(\d+)/, (__, line) => `:${Number(line)}`),
      count,
    ]);
    expect([skippedOf(log), log.size]).toEqual([places, size]);
  });

  test("fields that begin with a quote and go on (as names in Last.fm's logs do), and all of them without quotes", async () => {
    const rows = rowsOf(20).map((row, at) => (at % 5 < 2 ? row.replace(",i", ',"Weird" i') : row));
    await write("names.csv", csv(rows));
    const log = await load("names.csv", { onBadRow: "skip" });
    expect([log.size, skippedOf(log)]).toEqual([12, [["names.csv:2, column 2", 8]]]);
    expect((await load("names.csv", { quote: "" })).size).toBe(20);
  });

  test("a column of text that nobody wants, or of items' text, may have line breaks", async () => {
    const rows = rowsOf(6).map((row, at) => `${row},"${at}: good,\nreally ""good"",\nand long"`);
    await write("reviews.csv", `u,i,r,t,text\n${rows.join("\n")}\n`);
    const items = await write("lines.csv", 'i,title\ni0,"One,\nand two"\ni1,Plain\n');
    const log = await load("reviews.csv", {}, { path: items });
    expect([log.size, log.items.attributes[0]]).toEqual([6, { title: "One,\nand two" }]);
  });

  test("but rows in an open quote of such a column are no text", async () => {
    const items = await write("inch.csv", 'i,title\ni0,"Open\ni1,Screen of 15"\ni2,c\n');
    const log = await load(await write("r6.csv", csv(rowsOf(6))), {}, { path: items, onBadRow: "skip" });
    expect(skippedOf(log)).toEqual([["inch.csv:2, column 2", 1]]);
    expect(log.items.attributes.slice(0, 3)).toEqual([{}, { title: 'Screen of 15"' }, { title: "c" }]);
  });

  test("a first column of quoted text with line breaks is read whole; where its quote is left open the row is bad", async () => {
    const rows = rowsOf(6).map((row, at) => `"${at}: good,\nreally long",${row}`);
    await write("first.csv", `text,u,i,r,t\n${rows.join("\n")}\n`);
    for (const onBadRow of ["error", "skip"] as const) {
      const log = await load("first.csv", { onBadRow });
      expect([log.size, skippedOf(log)]).toEqual([6, []]);
    }
    // The quote of the third row would end what the second leaves open.
    const open = rowsOf(6).map((row, at) => `${at === 1 ? '"Open' : at === 2 ? '15"' : "Plain"},${row}`);
    await write("open.csv", `text,u,i,r,t\n${open.join("\n")}\n`);
    await expect(load("open.csv")).rejects.toMatchObject({
      code: "data/bad-row",
      place: expect.stringMatching(/open\.csv:3, column 1$/),
    });
    const log = await load("open.csv", { onBadRow: "skip" });
    expect([log.size, skippedOf(log)]).toEqual([5, [["open.csv:3, column 1", 1]]]);
  });

  test("a line of blanks is no row", async () => {
    const [first, ...others] = rowsOf(6);
    await write("blanks.csv", csv([first!, "  ", "\t", ...others, " "]));
    expect((await load("blanks.csv")).size).toBe(6);
  });

  test("a bad cell of an attribute has no value, and its row stays", async () => {
    const items = await write("prices.csv", "i,title,price\ni0,A,$12.99\ni1,B,1_0\ni2,C, 3.5 \n,D,1\n");
    const log = await load(
      await write("r6.csv", csv(rowsOf(6))),
      {},
      {
        path: items,
        onBadRow: "skip",
        columns: { item: "i", title: "title", price: { column: "price", type: "number" } },
      },
    );
    expect(log.items.attributes.slice(0, 3)).toEqual([
      { title: "A" },
      { title: "B" },
      { title: "C", price: 3.5 },
    ]);
    expect(skippedOf(log)).toEqual([
      ["prices.csv:5, column 1 (item)", 1],
      ["prices.csv:2, column 3 (price)", 2],
    ]);
  });
});

describe("encodings", () => {
  const titles = "i,title\ni0,It’s a café\ni1,“€”\n";
  const cp1252 = Buffer.from(
    titles.replace("’", "\x92").replace("“", "\x93").replace("”", "\x94").replace("€", "\x80"),
    "latin1",
  );
  const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le");
  const right = [{ title: "It’s a café" }, { title: "“€”" }];

  test.each<[string, Buffer, Items]>([
    ["cp1252", cp1252, { encoding: "cp1252" }],
    ["UTF-16 of Windows", utf16(`\ufeff${titles}`), { encoding: "utf-16" }],
    ["UTF-16 of Windows, unsaid", utf16(`\ufeff${titles}`), {}],
    ["UTF-16 without a mark", utf16(titles), { encoding: "utf-16" }],
    ["UTF-16, high bytes first", utf16(`\ufeff${titles}`).swap16(), { encoding: "utf-16" }],
    ["UTF-16, high bytes first, without a mark", utf16(titles).swap16(), { encoding: "utf-16" }],
    ["cp1252 in gzip", gzipSync(cp1252), { encoding: "cp1252" }],
    ["cp1252 in zstd", zstdOf(cp1252), { encoding: "cp1252" }],
    ["UTF-8 with a mark", Buffer.from(`\ufeff${titles}`), {}],
  ])("%s", async (_, bytes, items) => {
    const path = await write("titles.bin", bytes);
    const log = await load(await write("r6.csv", csv(rowsOf(6))), {}, { path, ...items });
    expect(log.items.attributes.slice(0, 2)).toEqual(right);
  });

  test.each<[string, Buffer, Items, object]>([
    [
      "cp1252 in latin1",
      cp1252,
      { encoding: "latin1" },
      { code: "data/bad-row", message: expect.stringContaining("cp1252"), place: /titles\.bin:2, column 1$/ },
    ],
    [
      "latin1 in UTF-8",
      Buffer.from("i,title\ni0,a\ni1,é\n", "latin1"),
      {},
      { code: "data/bad-row", place: /titles\.bin:3, / },
    ],
    [
      "0x81 in cp1252",
      Buffer.from("i,title\ni0,\x81\n", "latin1"),
      { encoding: "cp1252" },
      { code: "data/bad-row", place: /titles\.bin:2, / },
    ],
    [
      "half a character of UTF-16",
      utf16(titles).subarray(0, -1),
      { encoding: "utf-16" },
      { code: "data/bad-row", place: /titles\.bin:3, / },
    ],
    [
      "UTF-16 in UTF-8",
      utf16(titles.repeat(3)),
      {},
      { code: "data/encoding", remedy: expect.stringContaining("utf-16"), place: /titles\.bin:1$/ },
    ],
    [
      "UTF-8 with a mark in latin1",
      Buffer.from(`\ufeff${titles}`),
      { encoding: "latin1" },
      { code: "data/encoding", place: /titles\.bin:1$/ },
    ],
  ])(
    "%s: the line and the likely encoding",
    async (_, bytes, items, { place, ...expected }: { place?: RegExp }) => {
      const path = await write("titles.bin", bytes);
      const ratings = await write("r6.csv", csv(rowsOf(6)));
      await expect(load(ratings, {}, { path, ...items })).rejects.toMatchObject({
        ...expected,
        place: expect.stringMatching(place!),
      });
    },
  );
});

test.each<[string, string | Buffer, string]>([
  ["bzip2", "BZh91AY&SY", "compressed by bzip2"],
  ["xz", Buffer.from("\xfd7zXZ\0\0", "latin1"), "compressed by xz"],
  ["a workbook", Buffer.from("PK\x03\x04 and so on"), "Excel"],
  ["Parquet", Buffer.from("PAR1\x15\x04"), "Parquet"],
  [
    "a tar in gzip",
    gzipSync(Buffer.concat([Buffer.from("a.csv".padEnd(257, "\0")), Buffer.from("ustar\0")])),
    "a tar archive, compressed by gzip",
  ],
  ["gzip in gzip", gzipSync(gzipSync("u,i,r,t")), "compressed twice"],
  ["a web page", "<!DOCTYPE html>\n<html>", "a web page"],
  ["other bytes", Buffer.from(Array.from({ length: 600 }, (_, at) => (at * 37) % 29)), "not text"],
])("what %s is, is said", async (_, bytes, name) => {
  await expect(load(await write("other.csv", bytes))).rejects.toMatchObject({
    code: "data/not-text",
    message: expect.stringContaining(name),
    remedy: expect.stringMatching(/./),
  });
});

describe("ways to write cells", () => {
  test("escape characters, texts that mean missing, a decimal comma, sep= in the first line", async () => {
    const items = await write(
      "mysql.csv",
      String.raw`sep=;
i;title;year
"i0";"a \"b\"; c";"1,5"
"i1";"C:\\dir\x \
next";\N
i2;un\;quoted;NA
i3;"doubled ""too""";3
`,
    );
    const log = await load(
      await write("r6.csv", csv(rowsOf(6))),
      {},
      {
        path: items,
        delimiter: ";",
        escape: "\\",
        missing: ["\\N", "NA"],
        decimal: ",",
        columns: { item: "i", title: "title", year: { column: "year", type: "number" } },
      },
    );
    expect(log.items.attributes.slice(0, 4)).toEqual([
      { title: 'a "b"; c', year: 1.5 },
      { title: "C:\\dir\\x \nnext" },
      { title: "un;quoted" },
      { title: 'doubled "too"', year: 3 },
    ]);
    await write("sep.csv", `sep=;\n${csv(rowsOf(3))}`);
    await expect(load("sep.csv")).rejects.toMatchObject({
      code: "data/delimiter",
      place: expect.stringMatching(/sep\.csv:1$/),
    });
  });

  test("JSON lines: blank ones are no rows, paths lead into objects and lists, NaN stands where it is bad", async () => {
    const line = (u: string, r: string): string =>
      `{"u": {"ids": ["x", "${u}"]}, "i.d": "i1", "r": ${r}, "t": 5}`;
    await write("nested.jsonl", `\n${line("a", "1")}\r\n \n${line("b", "5")}\n\n${line("c", "NaN")}\n`);
    const reading = {
      format: "jsonl",
      columns: { user: "u.ids[1]", item: "i.d", rating: "r", time: "t" },
    } as const;
    const log = await load("nested.jsonl", { ...reading, onBadRow: "skip" });
    expect([log.users.ids, log.items.ids, skippedOf(log)]).toEqual([
      ["a", "b"],
      ["i1"],
      [["nested.jsonl:6, column rating", 1]],
    ]);
    const misspelt = { ...reading.columns, user: "u.ids2[1]" };
    await expect(
      load("nested.jsonl", { ...reading, onBadRow: "skip", columns: misspelt }),
    ).rejects.toMatchObject({
      code: "data/unknown-column",
    });
  });

  test("a number is the same to SQL and to JavaScript", async () => {
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    for (const decimal of [".", ","] as const) {
      await connection.run(numberMacro(decimal));
      const text = fc.oneof(
        fc.constantFrom(
          "1_000",
          "0x10",
          "Infinity",
          "-inf",
          "nan",
          "1e400",
          "+-1",
          " 4 ",
          "4\u00a0",
          "1,5",
          "1.234,5",
          ".5",
          "5.",
          "+3",
          "٣",
          "true",
          "",
        ),
        fc.string({ unit: fc.constantFrom(..."0123456789+-.,eE_x \t"), maxLength: 7 }),
        fc.double().map(String),
      );
      const texts = fc.sample(text, { numRuns: 3000, seed: 1 });
      const reader = await connection.runAndReadAll(
        `SELECT to_number(text) FROM (SELECT unnest(from_json($texts, '["VARCHAR"]')) AS text)`,
        { texts: JSON.stringify(texts) },
      );
      const values = reader.getRows().map(([value]) => value ?? undefined);
      expect(values.map((value, at) => [texts[at], value === 0 ? 0 : value])).toEqual(
        texts.map((one) => [one, parseNumber(one, decimal) === 0 ? 0 : parseNumber(one, decimal)]),
      );
    }
  });
});

test("lines that end in a carriage return alone, however many come at once", async () => {
  const path = join(folder, "mac.txt");
  await writeFile(path, "\r".repeat(400_000));
  let count = 0;
  for await (const { texts } of readLines({ path, name: path }, "utf-8")) count += texts.length;
  expect(count).toBe(400_000);
});

test("XXH64 is the published one", () => {
  const hash = (text: string): string => {
    const running = new Xxh64();
    for (const character of text) running.update(Buffer.from(character));
    return running
      .digest()
      .map((half) => half.toString(16).padStart(8, "0"))
      .join("");
  };
  expect(["", "a", "abc"].map(hash)).toEqual(["ef46db3751d8e999", "d24ec4f1a98c6e5b", "44bc2cf5ad770999"]);
});

test("a file that zstd itself compressed", async () => {
  const compressed =
    "KLUv/WRIDJUQACpDBAcLkCVu/NJ6u86MzuhuAGwAbQA1m4LsQ2yh7hruzpuE9jJbQna1sdt2E8s9+5ZLu4LZDWRTxb66JXAXvUu0aWY/skViV3Q3uKl8X9IWcnZN2Z2xKeg+4JZ6V6DdMJtI9hRbpruEu/KmoH0QGJgtHUAA2SVAALHLAAp00/8PgQIEGO8WbQqzD7KFYtd0d7hJ3gttidnVkd1ObOJ0z+GW510B7QazqWRfsSV0F3GX3jS0n9kisitiN7qpwn3lLRTatczuIpuC2AfdUtwV3g20iWZPsmVil3RXuCneB21pzC6G7DJi09H9wS3Bu4p2A7uKu/WmQPswW0h2TexONwn38pagXa3ZbckmVuxZ3XJxV/BuQJtq9iVbQuyi7hI3zfuhLTK7QnYjNjV038AtDO860O5hNgWyD2JLdVfgbngT0Z5my8guiV3ppuA+3lKiXaTZJcmmKfZTtwTcVQH7yyUgryJvkVMgP5ALkdeQd8hJyBdyCfIqeUtOJJ/kMnkF8wZzqvk1lzAvmpfmNPNnLjKvmDfm1PmdC+f1vE/aFMw+kC0Vu0J3AzfRe6ItM7tEdiU2RffBLQ3exYB2GcymA9kfxJagAYDHqBEc/EJ7B+ClYQ0QTgiBPhSOGg5HK4lwvt2C4aJjJwo6V2rRVbDBghXhSmEsBdfiHgwaumQ0W7g1I9vCBy7KEAVj0gZq8IerIrCrgjNuIg==";
  await write("u.csv.zst", Buffer.from(compressed, "base64"));
  const log = await load("u.csv.zst", { header: false, columns: { user: 0, item: 1, rating: 2, time: 3 } });
  expect([log.size, log.time[199]]).toEqual([200, 1_500_012_000]);
});
