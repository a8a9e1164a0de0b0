import { CorellaError } from "@corella/errors";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DataConfigInput, parseDataConfig } from "../config.ts";
import type { RatingsConfig } from "./config.ts";
import { loadLog } from "../load-log.ts";
import { openFiles } from "./files.ts";
import { importTable, type Skipped } from "./import-table.ts";
import { ratingColumns } from "./rating-columns.ts";
import { zipOf } from "./zip.test-helper.ts";
import { zstdOf } from "./zstd.test-helper.ts";

let folder: string;
let connection: DuckDBConnection;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-malformed-"));
  connection = await (await DuckDBInstance.create(":memory:", { threads: "2" })).connect();
});
afterAll(() => rm(folder, { recursive: true }));

interface Dialect {
  delimiter: string;
  quote: string;
  header: boolean;
}
type Cells = [user: string, item: string, rating: string, time: string];

/** Ways to spoil a row; each makes it bad whatever the dialect. */
const spoilings: Record<string, (cells: Cells, delimiter: string, noise: string, quote: string) => Buffer> = {
  openQuote: ([user, item, ...rest], delimiter, _, quote) =>
    Buffer.from(
      [user, ...(quote === "" ? [] : [`${quote}${item.replace(quote, "")}`]), ...rest].join(delimiter),
    ),
  textBehindQuote: ([user, item, ...rest], delimiter, _, quote) =>
    Buffer.from(
      [user, ...(quote === "" ? [] : [`${quote}${item.replace(quote, "")}${quote} x`]), ...rest].join(
        delimiter,
      ),
    ),
  underscore: ([user, item, , time], delimiter) => Buffer.from([user, item, "1_0", time].join(delimiter)),
  twoSigns: ([user, item, rating], delimiter) => Buffer.from([user, item, rating, "+-0"].join(delimiter)),
  tooFewColumns: ([user, item], delimiter) => Buffer.from([user, item].join(delimiter)),
  tooManyColumns: (cells, delimiter) => Buffer.from([...cells, "9", "9"].join(delimiter)),
  noRating: ([user, item, , time], delimiter) => Buffer.from([user, item, "", time].join(delimiter)),
  wordRating: ([user, item, , time], delimiter, noise) =>
    Buffer.from([user, item, `x${noise}`, time].join(delimiter)),
  nanRating: ([user, item, , time], delimiter) => Buffer.from([user, item, "nan", time].join(delimiter)),
  infiniteRating: ([user, item, , time], delimiter) =>
    Buffer.from([user, item, "-inf", time].join(delimiter)),
  hugeRating: ([user, item, , time], delimiter) => Buffer.from([user, item, "1e99", time].join(delimiter)),
  negativeTime: ([user, item, rating], delimiter) => Buffer.from([user, item, rating, "-5"].join(delimiter)),
  farFuture: ([user, item, rating], delimiter) =>
    Buffer.from([user, item, rating, "99999999999"].join(delimiter)),
  wordTime: ([user, item, rating], delimiter, noise) =>
    Buffer.from([user, item, rating, `t${noise}`].join(delimiter)),
  noUser: ([, ...rest], delimiter) => Buffer.from(["", ...rest].join(delimiter)),
  noItem: ([user, , ...rest], delimiter) => Buffer.from([user, "", ...rest].join(delimiter)),
  nulByte: ([user, item, ...rest], delimiter) => Buffer.from([user, `${item}\0`, ...rest].join(delimiter)),
  tab: ([user, item, ...rest], delimiter) => Buffer.from([`${user}\t`, item, ...rest].join(delimiter)),
  longId: ([user, , ...rest], delimiter) => Buffer.from([user, "i".repeat(1025), ...rest].join(delimiter)),
  latin1: ([user, item, ...rest], delimiter) =>
    Buffer.concat([
      Buffer.from(`${user}${delimiter}${item}`),
      Buffer.of(0xe9),
      Buffer.from([...["", ...rest].join(delimiter)].join("")),
    ]),
};

const codecs: Record<string, (bytes: Buffer) => Buffer> = {
  ".txt": (bytes) => bytes,
  ".gz": (bytes) => gzipSync(bytes),
  ".zst": zstdOf,
};

const dialects = fc.constantFrom<Dialect>(
  { delimiter: "::", quote: "", header: false },
  { delimiter: "\t", quote: "", header: false },
  { delimiter: ",", quote: '"', header: true },
  { delimiter: ",", quote: "", header: true },
  { delimiter: ";", quote: '"', header: false },
);
const row = fc.record({
  cells: fc.tuple(
    fc.integer({ min: 1, max: 9 }).map(String),
    fc.stringMatching(/^[a-zé]{1,6}"?$/), // 15": a quote at the end is an ordinary character, but could close an open one
    fc.constantFrom("1", "3.5", "5"),
    fc.integer({ min: 0, max: 2_000_000_000 }).map(String),
  ),
  spoiling: fc.option(fc.constantFrom(...Object.keys(spoilings)), { freq: 2 }),
  noise: fc.stringMatching(/^[a-z0-9.#é]{0,5}$/),
  blankBefore: fc.integer({ min: -4, max: 2 }),
});
// Enough good rows that the number of columns is beyond doubt.
const good = fc.array(
  row.map((made) => ({ ...made, spoiling: null })),
  { minLength: 9, maxLength: 12 },
);
const file = fc.record({
  dialect: dialects,
  head: good,
  spoiled: row.filter(({ spoiling }) => spoiling !== null),
  tail: fc.array(row, { maxLength: 8 }),
  end: fc.constantFrom("", "\n"),
  breaks: fc.infiniteStream(fc.constantFrom("\n", "\r\n")),
  codec: fc.constantFrom(...Object.keys(codecs)),
});

describe("malformed files", () => {
  test("250 of them: an error with file, line and column of a bad row, or every bad row counted", async () => {
    await fc.assert(
      fc.asyncProperty(file, async ({ dialect, head, spoiled, tail, end, breaks, codec }) => {
        const lines: Buffer[] = dialect.header
          ? [Buffer.from(["u", "i", "r", "t"].join(dialect.delimiter))]
          : [];
        const badLines: number[] = [];
        for (const { cells, spoiling, noise, blankBefore } of [...tail, ...head, spoiled]) {
          for (let blank = 0; blank < blankBefore; blank++) lines.push(Buffer.of());
          const make = spoiling === null ? undefined : spoilings[spoiling]!;
          // A tab is an ordinary separator of tab-separated text: there the row has a column too many, so still bad.
          lines.push(
            make?.(cells, dialect.delimiter, noise, dialect.quote) ??
              Buffer.from(cells.join(dialect.delimiter)),
          );
          if (make !== undefined) badLines.push(lines.length);
        }
        const path = join(folder, `${files++}${codec}`);
        const broken = lines.flatMap((line, index) =>
          index === 0 ? [line] : [Buffer.from(breaks.next().value), line],
        );
        await writeFile(path, codecs[codec]!(Buffer.concat([...broken, Buffer.from(end)])));
        const total = head.length + tail.length + 1;

        const counted = await read(path, dialect, "skip");
        expect(counted.skipped.reduce((sum, { count }) => sum + count, 0)).toBe(badLines.length);
        expect(counted.rows).toBe(total - badLines.length);
        for (const { firstPlace, reason } of counted.skipped) {
          expect(badLines).toContain(lineOf(firstPlace, path));
          expect(reason).not.toBe("");
        }
        const error = await read(path, dialect, "error").catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(CorellaError);
        expect(error).toMatchObject({ code: "data/bad-row", remedy: expect.stringContaining("onBadRow") });
        expect(badLines).toContain(lineOf((error as CorellaError).place!, path));
        await rm(path);
      }),
      { numRuns: 250 },
    );
  }, 480_000);

  test("100 of JSON lines: the same", async () => {
    const spoiled = fc.constantFrom(
      '{"u": "a", "i": "b", "r": 1, "t": 5', // cut
      '{"u": "a", "i": "b", "r": 1}',
      '{"u": "a", "i": "b", "r": "1_0", "t": 5}',
      '{"u": "a", "i": "b", "r": NaN, "t": 5}',
      '{"u": "a", "i": "b", "r": null, "t": 5}',
      '{"u": {}, "i": "", "r": 1, "t": 5}',
      `{'u': 'a', 'i': 'b', 'r': 1, 't': 5`,
      `{'u': 'a', 'i': 'b', 'r': None, 't': 5}`,
      `{'u': 'a', 'i': 'b', 'r': 1, 't': date(5)}`,
      '[{"u": "a", "i": "b", "r": 1, "t": 5}]',
      "[",
      '"text"',
      "nonsense \u001f \u001b",
      '{"u": "a\u0000", "i": "b", "r": 1, "t": 5}\u0000',
    );
    const goodLine = fc
      .record({
        u: fc.integer({ min: 1, max: 9 }),
        i: fc.stringMatching(/^[a-z"é\\]{1,6}$/),
        r: fc.constantFrom(1, 3.5, "5"),
        t: fc.nat(),
      })
      .map((object) => JSON.stringify(object));
    const pythonLine = fc.constantFrom(
      `{'u': 1, 'i': "it's", 'r': 2.0, 't': 5L}`,
      `{u'u': 'a', 'i': 'b', 'r': 1, 't': 5}`,
    );
    const line = fc.oneof(
      fc.oneof(goodLine, pythonLine).map((text) => [text, "good"]),
      spoiled.map((text) => [text, "bad"]),
      fc.constantFrom("", " ", "\t").map((text) => [text, "blank"]),
    );
    const jsonFile = fc.record({
      lines: fc.array(line, { maxLength: 12 }),
      codec: fc.constantFrom(...Object.keys(codecs)),
      lineBreak: fc.constantFrom("\n", "\r\n"),
      end: fc.boolean(),
    });
    const config = { format: "jsonl", columns: { user: "u", item: "i", rating: "r", time: "t" } } as const;
    await fc.assert(
      fc.asyncProperty(jsonFile, async ({ lines, codec, lineBreak, end }) => {
        const all = [...lines, ['{"u":1,"i":"q","r":2,"t":7}', "good"], ["{", "bad"]];
        const path = join(folder, `${files++}${codec}`);
        const text = all.map(([content]) => content).join(lineBreak) + (end ? lineBreak : "");
        await writeFile(path, codecs[codec]!(Buffer.from(text)));
        const numbers = (kind: string): number[] =>
          all.flatMap(([, is], index) => (is === kind ? [index + 1] : []));
        const counted = await read(path, config, "skip");
        expect(counted.rows).toBe(numbers("good").length);
        expect(counted.skipped.reduce((sum, { count }) => sum + count, 0)).toBe(numbers("bad").length);
        for (const { firstPlace } of counted.skipped)
          expect(numbers("bad")).toContain(lineOf(firstPlace, path));
        const error = await read(path, config, "error").catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: "data/bad-row" });
        expect(numbers("bad")).toContain(lineOf((error as CorellaError).place!, path));
        await rm(path);
      }),
      { numRuns: 100 },
    );
  }, 240_000);

  test("a compressed file that is cut anywhere, has a bit turned or something behind it, is refused", async () => {
    const csv = Buffer.from(
      Array.from({ length: 60 }, (_, at) => `u${at % 7},i${at % 5},3,${1e9 + at}\n`).join(""),
    );
    const dialect = { delimiter: ",", quote: '"', header: false };
    const harm = fc.oneof(
      fc.record({
        kind: fc.constant("cut" as const),
        share: fc.double({ min: 0, max: 0.9999, noNaN: true }),
      }),
      fc.record({
        kind: fc.constant("bit" as const),
        share: fc.double({ min: 0, max: 0.9999, noNaN: true }),
      }),
      fc.record({ kind: fc.constant("more" as const), share: fc.constant(1) }),
    );
    await fc.assert(
      fc.asyncProperty(harm, fc.constantFrom(".gz", ".zst"), async ({ kind, share }, codec) => {
        const whole = codecs[codec]!(csv);
        const at = Math.max(1, Math.floor(share * whole.length));
        // The time, system and flags of a gzip's header say nothing of its content.
        if (kind === "bit" && codec === ".gz" && at < 10) return;
        const bytes = Buffer.from(kind === "cut" ? whole.subarray(0, at) : whole);
        if (kind === "bit") bytes[at]! ^= 4;
        const path = join(folder, `${files++}${codec}`);
        await writeFile(path, kind === "more" ? Buffer.concat([bytes, Buffer.from("x,y,1,2\n")]) : bytes);
        await expect(read(path, dialect, "skip")).rejects.toMatchObject({ code: "data/broken-archive" });
        await rm(path);
      }),
      { numRuns: 200 },
    );
  }, 120_000);

  test("noise of any bytes ends in a CorellaError or a log, never in another error", async () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: fc.constantFrom('"', ",", "1", "\n", "\r", "é", "\0"), maxLength: 60 }),
    );
    await fc.assert(
      fc.asyncProperty(noise, dialects, async (bytes, dialect) => {
        const path = join(folder, `${files++}.txt`);
        await writeFile(path, bytes);
        for (const onBadRow of ["error", "skip"] as const) {
          const result = await read(path, dialect, onBadRow).catch((thrown: unknown) => thrown);
          if (result instanceof Error) {
            expect(CorellaError.isInstance(result), result.message).toBe(true);
            expect((result as CorellaError).remedy).toBeTruthy();
          }
        }
        await rm(path);
      }),
      { numRuns: 200 },
    );
  }, 120_000);
});

describe("a file that cannot be used", () => {
  const csv = "1,2,3,4\n".repeat(1000);
  test.each<[string, string | Buffer, string, Partial<DataConfigInput["source"]["ratings"]>, RegExp]>([
    ["a.csv", "", "data/empty-file", {}, /a\.csv:1, column 1$/],
    ["blank.csv", "\n\n", "data/empty-file", {}, /blank\.csv:1, column 1$/],
    ["header.csv", "a,b,c,d\n", "data/no-rows", { header: true }, /header\.csv:1, column 1$/],
    ["cut.csv.gz", gzipSync(csv).subarray(0, 40), "data/broken-archive", {}, /cut\.csv\.gz$/],
    ["crc.csv.gz", flip(gzipSync(csv)), "data/broken-archive", {}, /crc\.csv\.gz$/],
    ["not.zip", "not a zip", "data/broken-archive", { member: "x" }, /not\.zip!x$/],
    [
      "z.zip",
      zipOf({ "../ratings.csv": csv }),
      "data/broken-archive",
      { member: "../ratings.csv" },
      /z\.zip!\.\.\/ratings\.csv$/,
    ],
    ["other.zip", zipOf({ "b.csv": csv }), "data/missing-member", { member: "a.csv" }, /path$/],
    ["which.zip", zipOf({ "b.csv": csv }), "data/zip-member", {}, /path$/],
    ["narrow.csv", "1,2\n1,2\n", "data/unknown-column", {}, /narrow\.csv:1$/],
    ["mixed.csv", "1,2,3,4\r1,2,3,4\r\n1,2,3,4\n", "data/bad-row", {}, /mixed\.csv:2, column 5$/],
    ["quote.csv", '1,2,3,4\n1,"2,3,4\n1,2,3,4\n', "data/bad-row", {}, /quote\.csv:2, column 2$/],
    [
      "bad.jsonl",
      '{"a":1,"b":2,"c":3,"d":4}\nnonsense\n',
      "data/bad-row",
      { format: "jsonl", columns: { user: "a", item: "b", rating: "c", time: "d" } },
      /bad\.jsonl:2, column 1$/,
    ],
    [
      "lack.jsonl",
      '{"a":1,"b":2,"c":3,"d":4}\n{"a":1,"c":3,"d":4}\n',
      "data/bad-row",
      { format: "jsonl", columns: { user: "a", item: "b", rating: "c", time: "d" } },
      /lack\.jsonl:2, column item$/,
    ],
    ["a.parquet", "PAR0", "data/unreadable", { format: "parquet" }, /a\.parquet/],
  ])("%s", async (name, content, code, ratings, place) => {
    await writeFile(join(folder, name), content);
    const config = { path: name, columns: { user: 0, item: 1, rating: 2, time: 3 }, ...ratings };
    const error = await loadLog(
      { source: { ratings: config }, label: { threshold: 4 } },
      { baseFolder: folder },
    ).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, place: expect.stringMatching(place), remedy: expect.any(String) });
  });

  test("a zip with an honest member is read", async () => {
    await writeFile(join(folder, "good.zip"), zipOf({ "in/b.csv": `${csv}2,2,5,4\n` }));
    const ratings = {
      path: "good.zip",
      member: "in/b.csv",
      columns: { user: 0, item: 1, rating: 2, time: 3 },
    };
    const log = await loadLog({ source: { ratings }, label: { threshold: 4 } }, { baseFolder: folder });
    expect([log.size, log.report.duplicates]).toEqual([1001, 999]);
  });

  test("that is missing: where it is to be had", async () => {
    const ratings = {
      path: "none.csv",
      whereToGet: "Ask Ann.",
      columns: { user: 0, item: 1, rating: 2, time: 3 },
    };
    await expect(
      loadLog({ source: { ratings }, label: { threshold: 4 } }, { baseFolder: folder }),
    ).rejects.toMatchObject({
      code: "data/missing-file",
      place: "data.source.ratings.path",
      remedy: "Ask Ann.",
    });
  });
});

async function read(
  path: string,
  reading: Partial<DataConfigInput["source"]["ratings"]>,
  onBadRow: "error" | "skip",
): Promise<{ rows: number; skipped: Skipped[] }> {
  const config = parseDataConfig({
    source: { ratings: { path, columns: { user: 0, item: 1, rating: 2, time: 3 }, ...reading, onBadRow } },
    label: { threshold: 4 },
  });
  const ratings: RatingsConfig = config.source.ratings;
  await connection.run("DROP TABLE IF EXISTS ratings");
  const opened = await openFiles(connection, "ratings", ratings, folder, folder);
  const skipped = await importTable(connection, "ratings", ratings, opened, ratingColumns(config));
  const reader = await connection.runAndReadAll("SELECT count(*)::INTEGER FROM ratings");
  return { rows: Number(reader.getRows()[0]![0]), skipped };
}

function lineOf(place: string, path: string): number {
  const match = /^(.*):(\d+), column /.exec(place);
  expect(match?.[1]).toBe(path);
  return Number(match![2]);
}

function flip(bytes: Buffer): Buffer {
  bytes[bytes.length - 6]! ^= 0xff; // in the CRC
  return bytes;
}
