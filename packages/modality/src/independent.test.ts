import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type InteractionLog, loadLog, movieTweetings, type SplitConfig, splitLog } from "./index.ts";

// Filters and splits of a real log, by SQL that shares nothing with the loader.
const folder = join(import.meta.dirname, "../../../data/movietweetings-100k");
let database: DuckDBConnection;

beforeAll(async () => {
  database = await (await DuckDBInstance.create()).connect();
  // Codes of users and items are in the order of their numbers, so ties are broken by those.
  await database.run(`CREATE TABLE log AS
    SELECT column0 AS u, column1 AS i, column3 AS t, row_number() OVER (ORDER BY column3, column0, column1) AS place
    FROM read_csv('${join(folder, "ratings.dat")}', delim = '::', header = false, quote = '',
      types = ['BIGINT', 'BIGINT', 'INT', 'BIGINT'])`);
});

async function rowsOf(sql: string): Promise<string[]> {
  const reader = await database.runAndReadAll(sql);
  return reader.getRows().map((cells) => cells.map(String).join(" "));
}

function texts(log: InteractionLog, rows: ArrayLike<number>): string[] {
  return Array.from(rows, (row) => {
    const [user, item] = [log.users.ids[log.user[row]!]!, log.items.ids[log.item[row]!]!];
    return `${Number(user)} ${Number(item)} ${log.time[row]!}`;
  });
}

test.each([
  [10, 10],
  [5, 20],
  [1, 30],
])("the core of %i ratings a user and %i an item is what repeated deletion leaves", async (users, items) => {
  await database.run("CREATE OR REPLACE TABLE core AS SELECT * FROM log");
  for (let before = Infinity, left = 100_000; left < before;) {
    await database.run(
      `DELETE FROM core WHERE u IN (SELECT u FROM core GROUP BY u HAVING count(*) < ${users})`,
    );
    await database.run(
      `DELETE FROM core WHERE i IN (SELECT i FROM core GROUP BY i HAVING count(*) < ${items})`,
    );
    before = left;
    left = Number((await rowsOf("SELECT count(*) FROM core"))[0]);
  }
  const expected = await rowsOf("SELECT u, i, t FROM core ORDER BY place");
  const log = await loadLog({
    ...movieTweetings(folder),
    filter: { minHistory: 0, kCoreUsers: users, kCoreItems: items },
  });
  expect(expected.length).toBeGreaterThan(1000);
  expect(texts(log, [...log.user.keys()])).toEqual(expected);
  expect(log.report.removedByKCore).toBe(100_000 - expected.length);
});

describe("the split", () => {
  let log: InteractionLog;
  beforeAll(async () => {
    log = await loadLog(movieTweetings(folder));
  });
  const split = (config: SplitConfig, minHistory: number): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(splitLog(log, { split: config, filter: { minHistory } })).map(
        ([part, rows]: [string, Uint32Array]) => [part, texts(log, rows)],
      ),
    );
  /** Samples with enough strictly earlier ratings of their user, numbered in time order. */
  const samples = (minHistory: number): string => `
    (SELECT *, row_number() OVER (ORDER BY place) - 1 AS number, count(*) OVER () AS size FROM (
      SELECT log.*, (SELECT count(*) FROM log AS past WHERE past.u = log.u AND past.t < log.t) AS seen FROM log)
    WHERE seen >= ${minHistory})`;

  test.each([0, 3, 20])("by time, of samples with %i events before them", async (minHistory) => {
    const part = (condition: string): Promise<string[]> =>
      rowsOf(`SELECT u, i, t FROM ${samples(minHistory)} WHERE ${condition} ORDER BY place`);
    const [first, second] = ["(size * 8) // 10", "((size * 8) // 10 + size // 10)"];
    expect(split({ kind: "time", shares: [0.8, 0.1, 0.1] }, minHistory)).toEqual({
      train: await part(`number < ${first}`),
      validation: await part(`number >= ${first} AND number < ${second}`),
      test: await part(`number >= ${second}`),
    });
  });

  test.each([0, 3])("leave-last-out, of samples with %i events before them", async (minHistory) => {
    const part = (condition: string): Promise<string[]> =>
      rowsOf(`SELECT u, i, t FROM (
          SELECT *, count(*) OVER (PARTITION BY u) AS own, row_number() OVER (PARTITION BY u ORDER BY place DESC) AS back
          FROM ${samples(minHistory)})
        WHERE ${condition} ORDER BY place`);
    expect(split({ kind: "leaveLastOut" }, minHistory)).toEqual({
      train: await part("own < 3 OR back > 2"),
      validation: await part("own >= 3 AND back = 2"),
      test: await part("own >= 3 AND back = 1"),
    });
  });

  test("by user: nobody in two parts, shares of the users, nothing lost", async () => {
    const parts = split({ kind: "randomByUser", shares: [0.7, 0.2, 0.1], seed: 4 }, 3);
    const usersOf = (part: string[]): Set<string> => new Set(part.map((text) => text.split(" ")[0]!));
    const counts = Object.values(parts).map((part) => usersOf(part).size);
    const [users] = await rowsOf(`SELECT count(DISTINCT u) FROM ${samples(3)}`);
    const all = Number(users);
    expect(counts).toEqual([
      Math.floor(all * 0.7),
      Math.floor(all * 0.2),
      all - Math.floor(all * 0.7) - Math.floor(all * 0.2),
    ]);
    const rows = await rowsOf(`SELECT u, i, t FROM ${samples(3)}`);
    expect(Object.values(parts).flat().sort()).toEqual(rows.sort());
  });
});
