import { DuckDBInstance } from "@duckdb/node-api";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataConfigInput } from "../config.ts";
import { loadLog } from "../load-log.ts";
import type { InteractionLog } from "../log.ts";

// The same seven interactions in every format.
const rows = [
  { who: "b", what: "x, y", stars: 4.5, at: 30 },
  { who: "a", what: "é", stars: 1, at: 20 },
  { who: "a", what: "q", stars: 5, at: 20 },
  { who: "b", what: "é", stars: 3, at: 10 },
  { who: "c", what: "x, y", stars: 2, at: 40 },
  { who: "c", what: "é", stars: 2, at: 40 },
  { who: "a", what: "q", stars: 5, at: 50 },
];
const columns = { user: "who", item: "what", rating: "stars", time: "at" };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-formats-"));
  const line = ({ who, what, stars, at }: (typeof rows)[number]): string =>
    `${who},"${what}",${stars},${at}\n`;
  const csv = `who,what,stars,at\n${rows.map(line).join("")}`;
  await writeFile(join(folder, "a.csv"), csv);
  await writeFile(join(folder, "a.csv.gz"), gzipSync(csv));
  await writeFile(join(folder, "latin1.csv"), Buffer.from(csv, "latin1"));
  await writeFile(join(folder, "windows.csv"), csv.replaceAll("\n", "\r\n"));
  await writeFile(join(folder, "a.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(join(folder, "part-1.csv"), `who,what,stars,at\n${rows.slice(0, 3).map(line).join("")}`);
  await writeFile(join(folder, "part-2.csv"), `who,what,stars,at\n${rows.slice(3).map(line).join("")}`);
  await writeFile(
    join(folder, "items.jsonl"),
    `{"id":"é","name":"Caf&eacute; &amp; <b>Bar</b> (1999)","category":["Books","Drink"]}\n{"id":"q","name":null}\n{"id":"z","name":"Unrated"}\n{"id":"z","name":"Again"}\n`,
  );
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run(`COPY (SELECT * FROM '${join(folder, "a.csv")}') TO '${join(folder, "a.parquet")}'`);
  await connection.run(
    `COPY (SELECT * FROM '${join(folder, "a.csv")}') TO '${join(folder, "a.csv.zst")}' (COMPRESSION zstd)`,
  );
});

afterAll(() => rm(folder, { recursive: true }));

function load(
  ratings: Omit<DataConfigInput["source"]["ratings"], "columns">,
  more: Partial<DataConfigInput> = {},
): Promise<InteractionLog> {
  return loadLog(
    { source: { ratings: { columns, ...ratings } }, label: { threshold: 4 }, ...more },
    { baseFolder: folder },
  );
}

describe("the same log comes from", () => {
  test.each<[string, Omit<DataConfigInput["source"]["ratings"], "columns">]>([
    ["CSV with quotes", { path: "a.csv", header: true }],
    ["CSV of Windows", { path: "windows.csv", header: true }],
    ["latin1", { path: "latin1.csv", header: true, encoding: "latin1" }],
    ["gzip", { path: "a.csv.gz", header: true }],
    ["zstandard", { path: "a.csv.zst", header: true }],
    ["several files", { path: "part-*.csv", header: true }],
    ["JSON lines", { path: "a.jsonl", format: "jsonl" }],
    ["Parquet", { path: "a.parquet", format: "parquet" }],
  ])("%s", async (_, ratings) => {
    const log = await load(ratings);
    // By time; at 20 the items é and q of user a by code (q before é), at 40 those of c.
    expect(log.users.ids).toEqual(["a", "b", "c"]);
    expect(log.items.ids).toEqual(["q", "x, y", "é"]);
    expect([...log.time]).toEqual([10, 20, 20, 30, 40, 40, 50]);
    expect([...log.user]).toEqual([1, 0, 0, 1, 2, 2, 0]);
    expect([...log.item]).toEqual([2, 0, 2, 1, 1, 2, 0]);
    expect([...log.rating]).toEqual([3, 5, 1, 4.5, 2, 2, 5]);
    expect([...log.label]).toEqual([0, 1, 0, 1, 0, 0, 1]);
  });
});

test("attributes come from JSON lines, cleaned of HTML, unrated items at the end", async () => {
  const { items, report } = await loadLog(
    {
      source: {
        ratings: { path: "a.csv", header: true, columns },
        items: {
          path: "items.jsonl",
          format: "jsonl",
          columns: { item: "id", title: "name", category: { column: "category", type: "list" } },
          titleYear: true,
          cleanHtml: true,
        },
      },
      label: { threshold: 4 },
    },
    { baseFolder: folder },
  );
  expect(items.ids).toEqual(["q", "x, y", "é", "z"]);
  expect(items.activeCount).toBe(3);
  expect(items.attributes).toEqual([
    {},
    {},
    { title: "Café & Bar", year: 1999, category: ["Books", "Drink"] },
    { title: "Unrated" },
  ]);
  expect(report.skipped).toEqual([
    {
      table: "items",
      reason: "an earlier row has the same item",
      count: 1,
      firstPlace: join(folder, "items.jsonl"),
    },
  ]);
});

test("an attribute that says so, or says nothing, has no value; other text where a number is meant is a bad row", async () => {
  await writeFile(join(folder, "years.csv"), "q,1999,N/A\né,N/A,Drama|N/A\nz,,\n");
  const items = {
    path: "years.csv",
    columns: {
      item: 0,
      text: { column: 1, type: "number", missing: "N/A" },
      value: { column: 2, type: "list", missing: "N/A" },
    },
  } as const;
  const source = { ratings: { path: "a.csv", header: true, columns }, items };
  const log = await loadLog({ source, label: { threshold: 4 } }, { baseFolder: folder });
  expect(log.items.attributes).toEqual([{ text: 1999 }, {}, { value: ["Drama", "N/A"] }, {}]);
  await writeFile(join(folder, "years.csv"), "q,1999,\né,n/a,\n");
  await expect(loadLog({ source, label: { threshold: 4 } }, { baseFolder: folder })).rejects.toMatchObject({
    code: "data/bad-row",
    message: expect.stringContaining('The text is not a number: "n/a"'),
    place: `${join(folder, "years.csv")}:2, column 2 (text)`,
  });
});

test("ids that are numbers are ordered as numbers, times may be milliseconds or ISO 8601, labels a column", async () => {
  await writeFile(
    join(folder, "n.csv"),
    "10,9,1,2013-03-05T02:00:01+02:00\n9,10,0,2013-03-05 00:00:01\n9,9,1,2013-03-05\n",
  );
  await writeFile(join(folder, "ms.csv"), "10,9,1,1362441601500\n");
  const source = (path: string, timeUnit: "text" | "milliseconds"): DataConfigInput => ({
    source: { ratings: { path, timeUnit, columns: { user: 0, item: 1, label: 2, time: 3 } } },
    label: { column: true },
  });
  const log = await loadLog(source("n.csv", "text"), { baseFolder: folder });
  expect(log.users.ids).toEqual(["9", "10"]);
  expect([...log.time]).toEqual([1362441600, 1362441601, 1362441601]);
  expect([...log.user]).toEqual([0, 0, 1]);
  expect([...log.label]).toEqual([1, 0, 1]);
  expect([...log.rating]).toEqual([1, 0, 1]);
  expect([...(await loadLog(source("ms.csv", "milliseconds"), { baseFolder: folder })).time]).toEqual([
    1362441601.5,
  ]);
});

test("the k-core leaves users and items with enough interactions, as often as needed", async () => {
  const log = await load({ path: "a.csv", header: true }, { filter: { kCoreUsers: 2, kCoreItems: 2 } });
  // é (3 ratings), q (2), "x, y" (2); a 3, b 2, c 2: nobody leaves.
  expect(log.size).toBe(7);
  // q and "x, y" leave with 2 ratings each; then every user has 1 rating of é, and leaves too.
  await expect(
    load({ path: "a.csv", header: true }, { filter: { kCoreUsers: 2, kCoreItems: 3 } }),
  ).rejects.toMatchObject({ code: "data/no-rows" });
  // Users with 3 interactions: a alone; é falls to 1 rating and leaves, q stays with 2.
  const ofA = await load({ path: "a.csv", header: true }, { filter: { kCoreUsers: 2, kCoreItems: 1 } });
  expect(ofA.size).toBe(7);
  const core = await load({ path: "a.csv", header: true }, { filter: { kCoreUsers: 3, kCoreItems: 1 } });
  expect([core.users.ids, core.items.ids, [...core.item]]).toEqual([["a"], ["q", "é"], [0, 1, 0]]);
  expect(core.report.removedByKCore).toBe(4);
});

test("a URL is read; what cannot be fetched is an error with the address", async () => {
  const csv = await readFile(join(folder, "a.csv"));
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/a.csv" ? 200 : 404);
    response.end(request.url === "/a.csv" ? csv : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const path = `http://127.0.0.1:${port}/a.csv`;
  try {
    const read = (of: string): Promise<InteractionLog> =>
      loadLog({ source: { ratings: { path: of, header: true, columns } }, label: { threshold: 4 } });
    expect((await read(path)).size).toBe(rows.length);
    await expect(read(path.replace("a.csv", "none.csv"))).rejects.toMatchObject({
      code: "data/not-fetched",
      message: expect.stringContaining("404"),
    });
    await expect(read("s3://none.invalid/a.csv")).rejects.toMatchObject({
      code: expect.stringMatching(/^data\/(no-httpfs|not-fetched)$/),
      place: "s3://none.invalid/a.csv",
    });
  } finally {
    server.close();
  }
});
