import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DataConfigInput, parseDataConfig } from "../config.ts";
import type { RatingsConfig } from "./config.ts";
import { createLog, type InteractionLog } from "../log.ts";
import { checkTimes } from "../plausible.ts";
import { identifier, literal } from "./database.ts";
import { numberMacro } from "./number.ts";
import { requireTimeFormat, settleDates, timePlans } from "./times.ts";

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
  await connection.run("SET TimeZone = 'UTC'");
  await connection.run(numberMacro("."));
});
afterAll(() => connection.closeSync());

type Ratings = DataConfigInput["source"]["ratings"];

function ratingsWith(more: Partial<Ratings>): RatingsConfig {
  const columns = { user: 0, item: 1, rating: 2, time: 3 };
  return parseDataConfig({
    source: { ratings: { path: "r.csv", columns, ...more } },
    label: { threshold: 4 },
  }).source.ratings;
}

/** The texts of a column as seconds since 1970, settled; undefined for bad cells. */
async function secondsOf(texts: readonly string[], more: Partial<Ratings>): Promise<(number | undefined)[]> {
  const config = ratingsWith(more);
  const plans = timePlans(config);
  const rows = texts.map((text, row) => `(${row}, ${literal(text)})`).join(", ");
  const columns = Object.keys(plans).map((key) => (key === "time" ? "time" : `time AS ${identifier(key)}`));
  const values = Object.entries(plans).map(([key, { value }]) => `(${value}) AS ${identifier(key)}`);
  const { isBad } = plans.time!;
  const bad = isBad!.replaceAll(/\bvalue\b/g, () => `(${plans.time!.value})`).replaceAll(/\btext\b/g, "time");
  await connection.run(`CREATE OR REPLACE TABLE ratings AS SELECT row, (${bad}) AS bad, ${values.join(", ")}
    FROM (SELECT row, ${columns.join(", ")} FROM (VALUES ${rows}) AS _(row, time))`);
  await settleDates(connection, config, "r.csv");
  const reader = await connection.runAndReadAll("SELECT bad, time FROM ratings ORDER BY row");
  return reader.getRows().map(([isBadCell, time]) => (isBadCell === true ? undefined : Number(time)));
}
const at = (...date: Parameters<typeof Date.UTC>): number => Date.UTC(...date) / 1000;

describe("text: a date in a form that is met often", () => {
  test.each<[string, number]>([
    ["2014-06-05", at(2014, 5, 5)],
    ["2014/06/05", at(2014, 5, 5)],
    ["2014-06-05T10:11:12.5Z", at(2014, 5, 5, 10, 11, 12, 500)],
    ["2014-06-05 10:11:12+0530", at(2014, 5, 5, 4, 41, 12)],
    ["2014-06-05 10:11:12 PM", at(2014, 5, 5, 22, 11, 12)],
    ["20140605", at(2014, 5, 5)],
    ["20140605T101112Z", at(2014, 5, 5, 10, 11, 12)],
    ["09 1, 2009", at(2009, 8, 1)],
    ["Fri Nov 10 00:54:23 -0800 2017", at(2017, 10, 10, 8, 54, 23)],
    ["Fri, 10 Nov 2017 00:54:23 GMT", at(2017, 10, 10, 0, 54, 23)],
    ["10/Oct/2000:13:55:36 -0700", at(2000, 9, 10, 20, 55, 36)],
    ["Jun 5, 2014", at(2014, 5, 5)],
    ["June 5, 2014 3:04:05 PM", at(2014, 5, 5, 15, 4, 5)],
    ["05-Jun-2014", at(2014, 5, 5)],
    ["5 June 2014", at(2014, 5, 5)],
    [" 25/12/2014 ", at(2014, 11, 25)],
    ["12.25.2014 10:11", at(2014, 11, 25, 10, 11)],
    ["11/15/2019 9:05:58 AM", at(2019, 10, 15, 9, 5, 58)],
    ["5/5/2014", at(2014, 4, 5)],
  ])("%s", async (text, seconds) => expect(await secondsOf([text], { timeUnit: "text" })).toEqual([seconds]));

  test.each([
    "2014-02-30",
    "yesterday",
    "epoch",
    "infinity",
    "13/13/2014",
    "1401926400",
    "",
    "1850-01-01",
    "2014",
  ])("not %s", async (text) => expect(await secondsOf([text], { timeUnit: "text" })).toEqual([undefined]));

  test("of 5/6/2014 the whole column says whether it begins with the day", async () => {
    const text = { timeUnit: "text" } as const;
    expect(await secondsOf(["5/6/2014", "25/6/2014"], text)).toEqual([at(2014, 5, 5), at(2014, 5, 25)]);
    expect(await secondsOf(["5/6/2014", "6/25/2014", "2014-06-05"], text)).toEqual([
      at(2014, 4, 6),
      at(2014, 5, 25),
      at(2014, 5, 5),
    ]);
    for (const texts of [["5/6/2014"], ["25/6/2014", "6/25/2014"]])
      await expect(secondsOf(texts, text)).rejects.toMatchObject({
        code: "data/ambiguous-time",
        remedy: expect.stringContaining("timeFormat"),
      });
    expect(await secondsOf(["5/6/2014"], { timeFormat: "%d/%m/%Y" })).toEqual([at(2014, 5, 5)]);
  });
});

test("a form of one's own; digits may have lost their first 0 or become a float", async () => {
  expect(
    await secondsOf(["14102100", "9010123", "14102119.0", "1410210", "141021001"], {
      timeFormat: "%y%m%d%H",
    }),
  ).toEqual([at(2014, 9, 21), at(2009, 0, 1, 23), at(2014, 9, 21, 19), undefined, undefined]);
  expect(await secondsOf(["Posted November 5, 2011."], { timeFormat: "Posted %B %d, %Y." })).toEqual([
    at(2011, 10, 5),
  ]);
  expect(await secondsOf(["2014", "201"], { timeFormat: "%Y" })).toEqual([at(2014, 0), undefined]);
  await expect(requireTimeFormat(connection, ratingsWith({ timeFormat: "%Q" }))).rejects.toMatchObject({
    code: "config/invalid",
    place: "data.source.ratings.timeFormat",
  });
});

test("units, and numbers that only order", async () => {
  for (const [timeUnit, text] of [
    ["seconds", "1627776000"],
    ["milliseconds", "1627776000000"],
    ["microseconds", "1627776000000000"],
    ["nanoseconds", "1627776000000000000"],
  ] as const) {
    expect(await secondsOf([text, "-1", ""], { timeUnit })).toEqual([at(2021, 7, 1), undefined, undefined]);
  }
  expect(await secondsOf(["0", "17", "99999999999", "-1"], { timeUnit: "steps" })).toEqual([
    0,
    17,
    99999999999,
    undefined,
  ]);
});

function logAt(
  times: readonly number[],
  ratings: (row: number) => number = (row) => (row % 2 === 0 ? 5 : 1),
): InteractionLog {
  const rows = [...times.keys()];
  return createLog({
    user: Int32Array.from(rows, (row) => row % 3),
    item: Int32Array.from(rows, (row) => row % 4),
    rating: Float32Array.from(rows, ratings),
    time: Float64Array.from(times),
    label: Uint8Array.from(rows, () => 1),
    users: { ids: ["7", "8", "9"], activeCount: 3, attributes: [{}, {}, {}] },
    items: { ids: ["a", "b", "c", "d"], activeCount: 4, attributes: [{}, {}, {}, {}] },
    history: { maxLength: 3, ties: "exclude" },
    likedThreshold: 4,
  });
}
function warningsOf(log: InteractionLog, ratings: Partial<Ratings>): string[] {
  const source = {
    ratings: { path: "r.csv", columns: { user: 0, item: 1, rating: 2, time: 3 }, ...ratings },
  };
  return checkTimes(log, parseDataConfig({ source, label: { threshold: 4 } })).map(({ message }) => message);
}

describe("numbers that are no seconds", () => {
  const month = Array.from({ length: 28 }, (_, day) => 1 + day);
  test.each<[string, number[], RatingsConfig["timeUnit"], string]>([
    ["YYYYMMDD", month.map((day) => 20200700 + day), "seconds", 'Write timeFormat: "%Y%m%d".'],
    [
      "YYMMDDHH",
      month.map((day) => 14100000 + 100 * day + (day % 24)),
      "seconds",
      'Write timeFormat: "%y%m%d%H".',
    ],
    [
      "YMMDDHH without its 0",
      month.map((day) => 9100000 + 100 * day + 5),
      "seconds",
      'Write timeFormat: "%y%m%d%H".',
    ],
    ["YYYYMMDDHH", month.map((day) => 2014100000 + 100 * day), "seconds", 'Write timeFormat: "%Y%m%d%H".'],
    [
      "YYYYMM",
      month.map((day) => 200000 + 100 * day + 1 + (day % 12)),
      "seconds",
      'Write timeFormat: "%Y%m".',
    ],
    ["years", month.map((day) => 1980 + day), "seconds", 'Write timeFormat: "%Y".'],
    [
      "YYYYMMDDHHMM as milliseconds",
      month.map((day) => (201410000000 + 10000 * day) / 1000),
      "milliseconds",
      'Write timeFormat: "%Y%m%d%H%M".',
    ],
    [
      "seconds as milliseconds",
      month.map((day) => (1_600_000_000 + day * 60) / 1000),
      "milliseconds",
      "Write timeUnit: seconds.",
    ],
    [
      "milliseconds as nanoseconds",
      month.map((day) => (1_600_000_000_000 + day * 60_000) / 1e9),
      "nanoseconds",
      "Write timeUnit: milliseconds.",
    ],
  ])("%s", (_, times, timeUnit, remedy) => {
    expect(() => warningsOf(logAt(times), { timeUnit })).toThrowError(
      expect.objectContaining({ code: "data/implausible-time", remedy: expect.stringContaining(remedy) }),
    );
    if (timeUnit === "seconds") expect(warningsOf(logAt(times), { timeUnit: "steps" })).toEqual([]);
  });
});

test("times before 1990, a handful of times, and times that equal another column are warned of", () => {
  const days = Array.from({ length: 40 }, (_, day) => at(2014, 0, 1 + day));
  expect(warningsOf(logAt(days), {})).toEqual([]);
  expect(warningsOf(logAt(days.map((_, row) => row)), {})).toEqual([
    expect.stringMatching(/^All times lie before 1990/),
  ]);
  expect(warningsOf(logAt(days.map((_, row) => row)), { timeUnit: "steps" })).toEqual([]);
  expect(warningsOf(logAt([0, 0, ...days.slice(2)]), {})).toEqual([
    "2 of 40 rows lie before 1990, the first at 1970-01-01.",
  ]);
  expect(warningsOf(logAt(days.map((_, row) => at(2014 + (row % 3), 0))), {})).toEqual([
    "The times of 40 rows have 3 different values alone.",
  ]);
  const scores = days.map((_, row) => row + 0.5);
  expect(
    warningsOf(
      logAt(scores, (row) => scores[row]!),
      { timeUnit: "steps" },
    ),
  ).toEqual(["The time equals the rating in every row."]);
  expect(warningsOf(logAt(days.map((_, row) => 7 + (row % 3))), { timeUnit: "steps" })).toContain(
    "The time equals the user in every row.",
  );
  const old = days.map((_, day) => at(1975, 0, 1 + day));
  expect(warningsOf(logAt(old), { timeUnit: "text" })).toEqual([]);
});
