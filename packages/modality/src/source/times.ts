import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { RatingsConfig } from "./config.ts";
import { identifier, literal } from "./database.ts";
import type { ColumnPlan } from "./import-table.ts";

const latestSeconds = Date.UTC(2100, 0) / 1000;

/** How many of a unit are a second. */
export const perSecond = { seconds: 1, milliseconds: 1e3, microseconds: 1e6, nanoseconds: 1e9 } as const;

/** Dates of which each text has one meaning, by where they are met. */
const clearDates: readonly string[] = [
  "%Y%m%d",
  "%Y%m%d%H%M%S",
  "%Y%m%dT%H%M%SZ", // ISO 8601 without separators
  "%m %d, %Y", // reviewTime of Amazon
  "%a %b %d %H:%M:%S %z %Y", // Goodreads, Twitter
  "%a %b %d %H:%M:%S %Y", // C
  "%a, %d %b %Y %H:%M:%S %z", // mails
  "%a, %d %b %Y %H:%M:%S %Z",
  "%d/%b/%Y:%H:%M:%S %z", // logs of web servers
  "%d-%b-%Y", // u.item of MovieLens
  "%b %d, %Y",
  "%B %d, %Y",
  "%d %b %Y",
  "%d %B %Y",
  "%b %d, %Y %H:%M:%S",
  "%b %d, %Y %I:%M:%S %p",
  "%B %d, %Y %H:%M:%S",
  "%B %d, %Y %I:%M:%S %p",
  "%d %b %Y %H:%M:%S",
  "%d %B %Y %H:%M:%S",
  "%Y-%m-%d %I:%M:%S %p",
  "%Y/%m/%d %I:%M:%S %p",
];

const clocks = ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"];

/** 5/6/2014 is a day of May or of June; which, the whole column says. */
const separators = ["/", "-", "."];
const writtenDates = (first: string, second: string): string[] =>
  separators.flatMap((separator) =>
    clocks.map((clock) => `${first}${separator}${second}${separator}%Y${clock}`),
  );

/** Which of the two meanings a written date may have: columns beside the time, of which `settleDates` chooses one. */
const formsMonthFirst = writtenDates("%m", "%d");
const formsDayFirst = writtenDates("%d", "%m");
const monthFirst = "?month first";
const dayFirst = "?day first";

/** How times are read and when they are bad. Dates that begin with the day or the month are read both ways, for `settleDates`. */
export function timePlans({ columns, timeUnit, timeFormat }: RatingsConfig): Record<string, ColumnPlan> {
  if (columns.time === undefined) return {};
  const reference = columns.time;
  const outside = (value: string): string =>
    `${value} IS NULL OR NOT isfinite(${value}) OR ${value} < 0 OR ${value} >= ${latestSeconds}`;
  if (timeFormat !== undefined) {
    return {
      time: {
        reference,
        value: `epoch(try_strptime(${padded("time", timeFormat)}, ${literal(timeFormat)}))`,
        isBad: outside("value"),
        complaint: `the time is not between 1970 and 2100 in the form ${timeFormat}`,
      },
    };
  }
  if (timeUnit === "steps") {
    return {
      time: {
        reference,
        value: "to_number(time)",
        isBad: "value IS NULL OR NOT isfinite(value) OR value < 0 OR value > 9007199254740991",
        complaint: "the time is not a number from 0 on",
      },
    };
  }
  if (timeUnit !== "text") {
    return {
      time: {
        reference,
        value: `to_number(time) / ${perSecond[timeUnit]}`,
        isBad: outside("value"),
        complaint: `the time is not between 1970 and 2100 in ${timeUnit}`,
      },
    };
  }
  const written = (formats: readonly string[], column: string): string =>
    `CASE WHEN regexp_matches(${column}, '^ *[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}') THEN ${epochOf(column, formats)} END`;
  // 'epoch' and 'infinity' are times to DuckDB, but none that were written down.
  const iso = "CASE WHEN regexp_matches(time, '[0-9]') THEN epoch(TRY_CAST(time AS TIMESTAMPTZ)) END";
  const anyMeaning = `coalesce(${written(formsMonthFirst, "text")}, ${written(formsDayFirst, "text")})`;
  return {
    time: {
      reference,
      value: `coalesce(${iso}, ${epochOf("time", clearDates)})`,
      isBad: `CASE WHEN value IS NULL THEN ${outside(anyMeaning)} ELSE ${outside("value")} END`,
      complaint:
        "the time is no date between 1970 and 2100 in a form that is known (timeFormat says another)",
    },
    [monthFirst]: { reference, value: written(formsMonthFirst, identifier(monthFirst)) },
    [dayFirst]: { reference, value: written(formsDayFirst, identifier(dayFirst)) },
  };
}

function epochOf(text: string, formats: readonly string[]): string {
  return `coalesce(${formats.map((format) => `epoch(try_strptime(trim(${text}), ${literal(format)}))`).join(", ")})`;
}

const widths: Readonly<Record<string, number>> = { Y: 4, y: 2, m: 2, d: 2, H: 2, M: 2, S: 2 };

/** Digits alone lose their first 0, and become 14102100.0, where a file is written as numbers: 9010100 is 2009-01-01 00. */
function padded(column: string, format: string): string {
  const parts = [...format.matchAll(/%([YymdHMS])/g)];
  if (parts.map(([part]) => part).join("") !== format) return `trim(${column})`;
  const width = parts.reduce((sum, [, part]) => sum + widths[part!]!, 0);
  const digits = `regexp_replace(trim(${column}), '\\.0*$', '')`;
  // What is shorter would be read as other parts: it is no time.
  return `CASE length(${digits}) WHEN ${width} THEN ${digits} WHEN ${width - 1} THEN concat('0', ${digits}) END`;
}

/**
 * Refuses a form of times that is none.
 * @throws CorellaError `config/invalid`
 */
export async function requireTimeFormat(
  connection: DuckDBConnection,
  { timeFormat }: RatingsConfig,
): Promise<void> {
  if (timeFormat === undefined) return;
  try {
    await connection.run(`SELECT try_strptime('', ${literal(timeFormat)})`);
  } catch (cause) {
    throw new CorellaError({
      code: "config/invalid",
      message: `"${timeFormat}" is no form of times.`,
      place: "data.source.ratings.timeFormat",
      remedy: "Write it as for strptime: %Y-%m-%d %H:%M:%S, %y%m%d%H, %a %b %d %H:%M:%S %z %Y.",
      cause,
    });
  }
}

/**
 * Decides by the whole column whether dates such as 5/6/2014 begin with the month or the day: by a number above 12.
 * @throws CorellaError `data/ambiguous-time` where nothing decides, or both occur
 */
export async function settleDates(
  connection: DuckDBConnection,
  { columns, timeUnit, timeFormat }: RatingsConfig,
  place: string,
): Promise<void> {
  if (columns.time === undefined || timeUnit !== "text" || timeFormat !== undefined) return;
  const [month, day] = [identifier(monthFirst), identifier(dayFirst)];
  const reader = await connection.runAndReadAll(`SELECT
    count(*) FILTER (${month} IS NULL AND ${day} IS NOT NULL)::DOUBLE,
    count(*) FILTER (${day} IS NULL AND ${month} IS NOT NULL)::DOUBLE,
    count(*) FILTER (${day} <> ${month})::DOUBLE
    FROM ratings WHERE time IS NULL`);
  const [onlyDay, onlyMonth, either] = reader.getRows()[0]!.map(Number) as [number, number, number];
  if ((onlyDay === 0) !== (onlyMonth === 0) || either + onlyDay + onlyMonth === 0) {
    const chosen = onlyDay > 0 ? day : month;
    await connection.run(`UPDATE ratings SET time = ${chosen} WHERE time IS NULL`);
    return;
  }
  throw new CorellaError({
    code: "data/ambiguous-time",
    message:
      onlyDay === 0
        ? "The times could begin with the day or with the month: no number in them is above 12."
        : "Some times begin with the day, others with the month.",
    place,
    remedy:
      "Say which in data.source.ratings.timeFormat: %d/%m/%Y or %m/%d/%Y, with %H:%M:%S where they have a clock.",
  });
}
