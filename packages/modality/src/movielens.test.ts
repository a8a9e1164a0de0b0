import { DuckDBInstance } from "@duckdb/node-api";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  catalogueFromLog,
  encodeRecords,
  encodeRows,
  type FeatureConfig,
  featureMapFromJson,
  fitFeatureMap,
  historyOf,
  loadLog,
  movieLens100K,
  movieLens1M,
  prepareLog,
  recordAt,
  splitLog,
} from "./index.ts";
import { expectSameIds } from "./same-batch.test-helper.ts";

// MovieLens may not be redistributed, so it lies beside the repository or not at all.
const shared = (name: string): string =>
  fileURLToPath(new URL(`../../../../shared/data/${name}`, import.meta.url));
const [ml1m, ml100k] = [shared("ml-1m.zip"), shared("ml-100k.zip")];
for (const path of [ml1m, ml100k]) if (!existsSync(path)) console.log(`skipped: there is no ${path}`);

describe.skipIf(!existsSync(ml1m))("MovieLens-1M", () => {
  test("has the counts and cardinalities of ReLLa's preprocessing (prior-art.md section 2)", async () => {
    const config = movieLens1M(ml1m);
    const log = await loadLog(config);
    const { train, validation, test: last } = splitLog(log, config);
    expect(log.size).toBe(1_000_209);
    expect([train.length, validation.length, last.length]).toEqual([776_007, 97_000, 97_002]);
    expect(train.length + validation.length + last.length).toBe(970_009);

    const distinct = (of: "users" | "items", attribute: string): number =>
      new Set(log[of].attributes.slice(0, log[of].activeCount).map((row) => [row[attribute]].flat()[0])).size;
    expect({
      user: log.users.activeCount,
      gender: distinct("users", "gender"),
      age: distinct("users", "age"),
      job: distinct("users", "occupation"),
      zip: distinct("users", "zip"),
      movie: log.items.activeCount,
      genre: distinct("items", "genres"),
    }).toEqual({ user: 6040, gender: 2, age: 7, job: 21, zip: 3439, movie: 3706, genre: 18 });
    const titles = log.items.attributes
      .slice(0, log.items.activeCount)
      .map(({ title, year }) => `${title} (${year})`);
    expect(new Set(titles).size).toBe(3706);

    // First and last sample, by SQL that shares nothing with the loader.
    const folder = await mkdtemp(join(tmpdir(), "corella-ml-"));
    try {
      execFileSync("unzip", ["-q", ml1m, "ml-1m/ratings.dat", "-d", folder]);
      const connection = await (await DuckDBInstance.create()).connect();
      const reader = await connection.runAndReadAll(`
        WITH log AS (SELECT * FROM read_csv('${folder}/ml-1m/ratings.dat', delim = '::', header = false, quote = '',
            names = ['u', 'i', 'r', 't'], types = ['BIGINT', 'BIGINT', 'INT', 'BIGINT'])),
        samples AS (SELECT *, count(*) OVER (PARTITION BY u ORDER BY t, i ROWS UNBOUNDED PRECEDING) - 1 AS seen,
            lag(i) OVER (PARTITION BY u ORDER BY t, i) AS previous FROM log)
        SELECT u, i, r, t, seen, previous FROM samples WHERE seen >= 5 ORDER BY t, u, i`);
      const rows = reader.getRows().map((cells) => cells.map(Number));
      expect(rows.length).toBe(970_009);
      for (const [index, row] of [
        [0, train[0]!],
        [776_006, train.at(-1)!],
        [776_007, validation[0]!],
        [970_008, last.at(-1)!],
      ] as const) {
        const history = historyOf(log, row, Infinity);
        expect([
          Number(log.users.ids[log.user[row]!]),
          Number(log.items.ids[log.item[row]!]),
          log.rating[row],
          log.time[row],
          history.length,
          Number(log.items.ids[log.item[history.at(-1)!]!]),
        ]).toEqual(rows[index]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 180_000);
});

test.skipIf(!existsSync(ml1m))(
  "MovieLens-1M is found prepared",
  async () => {
    const cacheFolder = await mkdtemp(join(tmpdir(), "corella-ml-")); // outside of the repository
    try {
      const cold = await prepareLog(movieLens1M(ml1m), { cacheFolder });
      const warm = await prepareLog(movieLens1M(ml1m), { cacheFolder });
      expect([cold.reused, warm.reused, warm.log.size]).toEqual([false, true, 1_000_209]);
    } finally {
      await rm(cacheFolder, { recursive: true });
    }
  },
  180_000,
);

/** Every type, transform, pooling and source of a feature. */
const everyKind: FeatureConfig[] = [
  { name: "user", type: "categorical", field: "user" },
  { name: "gender", type: "categorical", field: "user.gender" },
  { name: "item", type: "categorical", field: "item", minCount: 5 },
  { name: "year", type: "categorical", field: "item.year" },
  { name: "genre", type: "categorical", field: "item.genres[0]" },
  { name: "hour", type: "categorical", field: "time.hour" },
  { name: "weekday", type: "categorical", field: "time.weekday", minCount: 2 },
  { name: "age", type: "numeric", field: "user.age", transform: "standard" },
  { name: "ageGroup", type: "numeric", field: "user.age", transform: { buckets: 7 } },
  { name: "events", type: "numeric", field: "history.length", transform: "log" },
  { name: "pause", type: "numeric", field: "time.sinceLast", transform: { buckets: 9 } },
  { name: "genres", type: "multivalued", field: "item.genres", maxLength: 3, pooling: "mean" },
  { name: "items", ...sequenceOf("history.item"), pooling: "attention", shareWith: "item" },
  { name: "liked", ...sequenceOf("history.item"), pooling: "mean", shareWith: "item", where: "liked" },
  { name: "disliked", ...sequenceOf("history.item.year"), pooling: "sum", where: "disliked", minCount: 3 },
  { name: "ratings", ...sequenceOf("history.rating"), pooling: "mean" },
];

function sequenceOf(field: string): { type: "sequence"; field: string; maxLength: number } {
  return { type: "sequence", field, maxLength: 30 };
}

describe.skipIf(!existsSync(ml100k))("MovieLens-100K", () => {
  test("encodes every row alike from the log and from records", async () => {
    const config = movieLens100K(ml100k);
    const log = await loadLog(config);
    expect([log.size, log.users.activeCount, log.items.activeCount]).toEqual([100_000, 943, 1682]);
    expect(log.items.attributes[0]).toEqual({
      title: "Toy Story",
      year: 1995,
      genres: ["Animation", "Children's", "Comedy"],
    });
    expect(log.users.attributes[0]).toEqual({ age: 24, gender: "M", occupation: "technician", zip: "85711" });
    const saved = JSON.stringify(fitFeatureMap(everyKind, log, splitLog(log, config).train).toJson());
    const featureMap = featureMapFromJson(JSON.parse(saved));
    const catalogue = catalogueFromLog(log);
    for (let start = 0; start < log.size; start += 10_000) {
      const rows = Array.from({ length: 10_000 }, (_, i) => start + i);
      const offline = encodeRows(featureMap, log, rows);
      expectSameIds(
        encodeRecords(
          featureMap,
          rows.map((row) => {
            const { itemAttributes: _, ...record } = recordAt(log, row); // a server asks the catalogue
            return JSON.parse(JSON.stringify(record));
          }),
          catalogue,
        ),
        offline,
      );
    }
  }, 180_000);
});
