import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataConfigInput } from "../config.ts";
import { loadLog } from "../load-log.ts";
import { zstdOf } from "./zstd.test-helper.ts";

// Whatever a mapping does with rows, nothing is lost in silence: what went in is rows of the log or counted.
let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-counted-"));
});
afterAll(() => rm(folder, { recursive: true }));

const codecs: Record<string, (bytes: Buffer) => Buffer> = {
  "": (bytes) => bytes,
  ".gz": (bytes) => gzipSync(bytes),
  ".zst": zstdOf,
};

/** A line, and what it becomes: so many rows, so many that are counted. */
interface Line {
  readonly text: string;
  readonly rows: number;
  readonly skips: number;
  /** Cells that are counted although their row stays. */
  readonly cells?: number;
  /** Of `duplicates`: rows of one key count once. */
  readonly key?: string;
}

/** A way to write a log. */
interface Kind {
  readonly extension: string;
  readonly ratings: Omit<DataConfigInput["source"]["ratings"], "path">;
  readonly label?: DataConfigInput["label"];
  /** Lines before all others. */
  readonly head?: string;
  readonly line: fc.Arbitrary<Line>;
  /** Good lines that every file has, so that it has a log: other ratings, labels and times. */
  readonly sure: readonly string[];
  /** Rows of these; default: one a line. */
  readonly sureRows?: number;
  /** Default: lines. */
  readonly join?: (lines: readonly string[]) => string;
}

/** Files of each kind. */
const numRuns = 12;
const user = fc.constantFrom("a", "b", "c");
const item = fc.constantFrom("x", "y", "z");
const good = (text: string, key?: string): Line => ({
  text,
  rows: 1,
  skips: 0,
  ...(key !== undefined && { key }),
});
const bad = (text: string): Line => ({ text, rows: 0, skips: 1 });
const blank = fc.constantFrom("", "").map((text): Line => ({ text, rows: 0, skips: 0 }));
/** Good lines from users, items and one of the texts; bad ones from the texts that are none. */
function lines(
  write: (user: string, item: string, text: string) => string,
  goods: readonly string[],
  bads: readonly string[],
  others: readonly string[] = [],
): fc.Arbitrary<Line> {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(user, item, fc.constantFrom(...goods)).map((cells) => good(write(...cells))),
    },
    ...(bads.length === 0
      ? []
      : [
          {
            weight: 2,
            arbitrary: fc.tuple(user, item, fc.constantFrom(...bads)).map((cells) => bad(write(...cells))),
          },
        ]),
    ...(others.length === 0 ? [] : [{ weight: 2, arbitrary: fc.constantFrom(...others).map(bad) }]),
    { weight: 1, arbitrary: blank },
  );
}

const steps = { timeUnit: "steps", onBadRow: "skip" } as const;
const plain = { user: 0, item: 1, rating: 2, time: 3 } as const;
const byName = { user: "u", item: "i", rating: "r", time: "t" } as const;
const json = (u: string, i: string, r: string): string => `{"u": "${u}", "i": "${i}", "r": ${r}, "t": 7}`;
const python = (u: string, i: string, r: string): string => `{'u': '${u}', 'i': u"${i}", 'r': ${r}, 't': 7L}`;

const kinds: Record<string, Kind> = {
  "csv with conditions": {
    extension: "csv",
    ratings: { ...steps, where: ["rating > 2", "flag != no"], columns: { ...plain, flag: 4 }, missing: "NA" },
    line: fc.oneof(
      lines(
        (u, i, r) => `${u},${i},${r},7,yes`,
        ["3", "4.5"],
        ["1", "2", "x", "", "NA"],
        ["a,x", "a,x,3", "a,x,3,7,yes,9", 'a,"x'],
      ),
      fc.constant(bad("a,x,5,7,no")),
    ),
    sure: ["a,x,5,1,yes", "b,y,3,2,yes"],
  },
  "tsv, the first of duplicates": {
    extension: "tsv",
    ratings: { ...steps, delimiter: "\t", quote: "", duplicates: "first", columns: plain },
    line: fc.oneof(
      fc.tuple(user, item).map(([u, i]) => good(`${u}\t${i}\t4\t7`, `${u} ${i}`)),
      fc.constantFrom("a\tx\t4", "\tx\t4\t7", "a\tx\tmuch\t7").map(bad),
    ),
    sure: Array.from({ length: 18 }, (_, at) => `d${at}\tx\t${at % 6}\t1`),
  },
  "decimal commas, missing cells of context": {
    extension: "csv",
    ratings: {
      ...steps,
      delimiter: ";",
      decimal: ",",
      missing: ["\\N", "-"],
      columns: { ...plain, price: { column: 4, type: "number" } },
    },
    line: fc.oneof(
      lines((u, i, r) => `${u};${i};${r};7;1,5`, ["3,5", "4", "5,"], ["3.5", "3,5,1", "1.000,5", "\\N", "-"]),
      fc.constantFrom("\\N", "-", "", "12").map((price) => good(`a;x;4;7;${price}`)),
      fc.constantFrom("1.5", "$3", "n").map((price): Line => ({ ...good(`a;x;4;7;${price}`), cells: 1 })),
    ),
    sure: ["a;x;5;1;2", "b;y;3,0;2;3"],
  },
  "times with a form": {
    extension: "csv",
    ratings: { onBadRow: "skip", timeFormat: "%d.%m.%Y %H:%M", columns: plain },
    line: lines(
      (u, i, t) => `${u},${i},4,${t}`,
      ["31.12.2014 23:59", "01.02.2003 04:05"],
      ["31.02.2014 10:00", "2014-12-31 23:59", "", "31.12.1900 10:00"],
    ),
    sure: ["a,x,5,01.01.2014 10:00", "b,y,3,02.01.2014 10:00"],
  },
  "dates that are written out": {
    extension: "csv",
    ratings: { onBadRow: "skip", timeUnit: "text", columns: plain },
    line: lines(
      (u, i, t) => `${u},${i},4,${t}`,
      ["13/5/2014", "2/5/2014", "2014-12-31", "20141231"],
      ["99/99/2014", "soon", "epoch", "infinity"],
    ),
    sure: ["a,x,5,2014-01-01", "b,y,3,14/1/2014"],
  },
  "heading lines": {
    extension: "txt",
    ratings: { ...steps, heading: { column: "item" }, columns: { user: 0, rating: 1, time: 2 } },
    line: fc.oneof(
      { weight: 3, arbitrary: user.map((u) => good(`${u},4,7`)) },
      item.map((i): Line => ({ text: `${i}:`, rows: 0, skips: 0 })),
      fc.constantFrom("a,4", "a,much,7", 'a,"4,7', ",4,7").map(bad),
    ),
    head: "w:",
    sure: ["x:", "a,5,1", "b,3,2"],
    sureRows: 2,
  },
  "a last column that takes the rest": {
    extension: "csv",
    ratings: { ...steps, lastTakesRest: true, columns: { ...plain, note: 4 } },
    line: lines(
      (u, i, note) => `${u},${i},4,7,${note}`,
      ["", "one", "one, two, three", '"a", b'],
      [],
      ["a,x,4,7", "a,x,much,7,n,m"],
    ),
    sure: ["a,x,5,1,n", "b,y,3,2,n"],
  },
  "words as labels": {
    extension: "csv",
    ratings: { ...steps, columns: { user: 0, item: 1, label: 2, time: 3 } },
    label: { column: true },
    line: lines(
      (u, i, l) => `${u},${i},${l},7`,
      ["1", "0.0", "TRUE", "no", "Yes."],
      ["2", "maybe", "", "0.5"],
    ),
    sure: ["a,x,1,1", "b,y,0,2"],
  },
  "impressions with labels attached": {
    extension: "tsv",
    ratings: {
      ...steps,
      delimiter: "\t",
      quote: "",
      impressions: {},
      columns: { user: 0, item: 1, time: 2 },
    },
    label: { column: true },
    line: fc.oneof(
      fc
        .array(fc.tuple(item, fc.constantFrom("-0", "-1", "-2", "")), { minLength: 1, maxLength: 4 })
        .map((shown): Line => {
          const skips = shown.filter(([, label]) => label === "-2" || label === "").length;
          return {
            text: `a\t${shown.map((cell) => cell.join("")).join(" ")}\t7`,
            rows: shown.length - skips,
            skips,
          };
        }),
      fc.constantFrom("a\t\t7", "a\tx-1", "a\t[]\t7").map(bad),
    ),
    sure: ["a\tx-1 y-0\t1"],
    sureRows: 2,
  },
  "impressions with lists of labels": {
    extension: "jsonl",
    ratings: {
      ...steps,
      format: "jsonl",
      impressions: { labels: "parallel", separator: "," },
      columns: { user: "u", item: "i", label: "l", time: "t" },
    },
    label: { column: true },
    line: fc.constantFrom<Line>(
      { text: '{"u": "a", "i": ["x", "y"], "l": [1, 0], "t": 7}', rows: 2, skips: 0 },
      { text: '{"u": "a", "i": "x,y,z", "l": "1,0", "t": 7}', rows: 2, skips: 1 },
      { text: '{"u": "a", "i": "x", "l": "1,0", "t": 7}', rows: 1, skips: 1 },
      { text: '{"u": "a", "i": [], "l": [], "t": 7}', rows: 0, skips: 1 },
      { text: '{"u": "a", "i": "x"', rows: 0, skips: 1 },
    ),
    sure: ['{"u": "a", "i": ["x", "y"], "l": [1, 0], "t": 1}'],
    sureRows: 2,
  },
  "JSON lines": {
    extension: "jsonl",
    ratings: { ...steps, format: "jsonl", columns: byName, where: "i != z" },
    line: fc.oneof(
      lines(
        (u, _, r) => json(u, "x", r),
        ["4", "3.5", '"5"'],
        ["null", '"4_0"', "{}"],
        ["{", "[1]", '"x"', '{"u": 1}'],
      ),
      fc.constant(bad(json("a", "z", "4"))),
    ),
    sure: [json("a", "x", "5"), json("b", "y", "3")],
  },
  "lines of Python": {
    extension: "json",
    ratings: { ...steps, format: "jsonl", columns: byName },
    line: lines(
      python,
      ["4", "3.5", "'5'"],
      ["None", "True", "()", "{}"],
      ["{'u': 'a'", "{'u': date(1)}", "{'u', 'i'}", "[1]"],
    ),
    sure: [python("a", "x", "5"), python("b", "y", "3")],
  },
  "one JSON list": {
    extension: "json",
    ratings: { ...steps, format: "json", columns: byName },
    line: fc.oneof(
      fc.tuple(user, item).map(([u, i]) => good(json(u, i, "4"))),
      fc.constantFrom("5", "[1, [2]]", '"{,"', "null", "{}", '{"u": "a,]"}').map(bad),
    ),
    sure: [json("a", "x", "5"), json("b", "y", "3")],
    join: (all) => `[${all.join(",\n")}]`,
  },
  "elements of a list in JSON lines": {
    extension: "jsonl",
    ratings: {
      ...steps,
      format: "jsonl",
      columns: { user: "u", item: "in[].i", rating: "in[].r", time: "t" },
    },
    line: fc.oneof(
      fc.array(fc.constantFrom(4, 5, null, "x"), { minLength: 1, maxLength: 4 }).map((ratings): Line => {
        const rows = ratings.filter((rating) => typeof rating === "number").length;
        const elements = ratings.map((r) => ({ i: "x", r }));
        return { text: JSON.stringify({ u: "a", in: elements, t: 7 }), rows, skips: ratings.length - rows };
      }),
      fc.constantFrom('{"u": "a", "in": []}', '{"u": "a"}', '{"u": "a", "in": {"i": 1}}', "{").map(bad),
    ),
    sure: ['{"u": "a", "in": [{"i": "x", "r": 5}, {"i": "y", "r": 3}], "t": 1}'],
    sureRows: 2,
  },
};
/** So often do the good lines stand in a file: with them most lines have as many columns as are right. */
const times = 9;

describe("rows and what is counted are what went in", () => {
  test.each(Object.entries(kinds))("%s", { timeout: 120_000 }, async (_, kind) => {
    const { extension, ratings, head, line, sureRows, join: joined = (all) => all.join("\n") } = kind;
    const sure =
      ratings.duplicates === undefined ? Array.from({ length: times }, () => kind.sure).flat() : kind.sure;
    const ofSure = sureRows === undefined ? sure.length : times * sureRows;
    const file = fc.record({
      all: fc.array(line, { maxLength: 8 }),
      codec: fc.constantFrom(...Object.keys(codecs)),
      end: fc.constantFrom("", "\n"),
    });
    await fc.assert(
      fc.asyncProperty(file, async ({ all, codec, end }) => {
        const path = `${files++}.${extension}${codec}`;
        const written = [...(head === undefined ? [] : [head]), ...all.map(({ text }) => text)];
        const text = joined([...written, ...sure]) + end;
        await writeFile(join(folder, path), codecs[codec]!(Buffer.from(text)));
        const log = await loadLog(
          { source: { ratings: { path, ...ratings } }, label: kind.label ?? { threshold: 4 } },
          { baseFolder: folder },
        );
        const sum = (of: (made: Line) => number): number =>
          all.reduce((before, made) => before + of(made), 0);
        const keys = new Set(all.flatMap(({ key }) => key ?? []));
        const repeated = all.filter(({ key }) => key !== undefined).length - keys.size;
        const counted = (isCell: boolean): number =>
          log.report.skipped
            .filter(({ reason }) => reason.endsWith("its row stays)") === isCell)
            .reduce((before, { count }) => before + count, 0);
        expect(log.size).toBe(sum(({ rows }) => rows) - repeated + ofSure);
        expect(counted(false)).toBe(sum(({ skips }) => skips) + repeated);
        expect(counted(true)).toBe(sum(({ cells = 0 }) => cells));
        await rm(join(folder, path));
      }),
      { numRuns },
    );
  });

  test("Parquet", { timeout: 120_000 }, async () => {
    const connection = await (await DuckDBInstance.create()).connect();
    const cell = fc.constantFrom("'a'", "NULL", "''", "'b'");
    const row = fc.tuple(
      cell,
      fc.constantFrom("4.0", "5.0", "NULL", "'nan'::DOUBLE", "1.0"),
      fc.constantFrom("7", "-1", "NULL"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 8 }), async (rows) => {
        const path = `${files++}.parquet`;
        const all = [...rows, ["'a'", "5.0", "1"], ["'b'", "3.0", "2"]];
        await connection.run(
          `COPY (SELECT * FROM (VALUES ${all.map(([u, r, t]) => `(${u}, 'x', ${r}, ${t})`).join(", ")}) AS t(u, i, r, t)) TO '${join(folder, path)}' (FORMAT parquet)`,
        );
        const log = await loadLog(
          {
            source: { ratings: { path, format: "parquet", ...steps, where: "r != 1", columns: byName } },
            label: { threshold: 4 },
          },
          { baseFolder: folder },
        );
        const isGood = ([u, r, t]: readonly string[]): boolean =>
          u!.length === 3 && ["4.0", "5.0", "3.0"].includes(r!) && t !== "-1" && t !== "NULL";
        expect(log.size).toBe(all.filter(isGood).length);
        expect(log.report.skipped.reduce((sum, { count }) => sum + count, 0)).toBe(all.length - log.size);
      }),
      { numRuns },
    );
  });

  test("rows of items: of each id one, the others counted", { timeout: 120_000 }, async () => {
    const row = fc.constantFrom("x,1", "y,2", "x,3", "y,much", ",4", "z", "w,");
    await writeFile(join(folder, "r.csv"), "a,x,5,1\nb,y,3,2\n");
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 8 }),
        fc.constantFrom(...Object.keys(codecs)),
        async (rows, codec) => {
          const path = `${files++}.csv${codec}`;
          const all = [...rows, ...Array.from({ length: times }, () => "x,0"), "y,0"];
          await writeFile(join(folder, path), codecs[codec]!(Buffer.from(all.join("\n"))));
          const { items, report } = await loadLog(
            {
              source: {
                ratings: { path: "r.csv", ...steps, columns: plain },
                items: { path, onBadRow: "skip", columns: { item: 0, price: { column: 1, type: "number" } } },
              },
              label: { threshold: 4 },
            },
            { baseFolder: folder },
          );
          const counted = report.skipped.filter(({ reason }) => !reason.endsWith("its row stays)"));
          expect(items.ids.length + counted.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
          const cells = report.skipped.filter(({ reason }) => reason.endsWith("its row stays)"));
          expect(cells.reduce((sum, { count }) => sum + count, 0)).toBe(
            rows.filter((text) => text === "y,much").length,
          );
        },
      ),
      { numRuns },
    );
  });
});

describe("what is compressed otherwise is refused by name, in every format", () => {
  test.each([
    ["bzip2", "BZh91AY&SY"],
    ["xz", "\xfd7zXZ\0\0"],
    ["lz4", "\x04\x22\x4d\x18dd"],
    ["snappy", "\xff\x06\0\0sNaPpY"],
    ["7z", "7z\xbc\xaf\x27\x1c"],
    ["rar", "Rar!\x1a\x07"],
    ["zip", "PK\x03\x04\x14"],
  ])("%s", async (codec, start) => {
    for (const format of ["csv", "jsonl", "json"] as const) {
      const path = `${files++}.txt`;
      await writeFile(join(folder, path), Buffer.from(`${start}${"\0".repeat(20)}`, "latin1"));
      const columns = format === "csv" ? plain : byName;
      await expect(
        loadLog(
          { source: { ratings: { path, format, columns } }, label: { threshold: 4 } },
          { baseFolder: folder },
        ),
      ).rejects.toMatchObject({ code: "data/not-text", message: expect.stringContaining(codec) });
    }
  });
});
