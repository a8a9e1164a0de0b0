import type { DuckDBConnection } from "@duckdb/node-api";
import type { Warning } from "../log.ts";
import { identifier } from "./database.ts";

/** Characters that are no part of an id where they stand at its ends: blanks, and the mark at the beginning of a file. */
export const blanks: string = "' \u00a0\ufeff'";

const whole = "'-?[0-9]+(\\.0*)?'";
const scientific = "'-?[0-9]\\.[0-9]+[eE]\\+?[0-9]{1,2}'";
const missing = "('nan', 'none', 'null', 'na', 'n/a', '<na>', '\\n')";

/**
 * Brings the ids of a column to one spelling, so that those of several tables meet: without blanks at their ends, and,
 * where all of the column are whole numbers, without the `.0` that a missing value elsewhere makes pandas write.
 * @param areWhole whether they count as whole numbers, where another table decides it. Default: where all of them are.
 * @returns a warning where, among whole numbers, texts that mean a missing value are taken as one id
 */
export async function normaliseIds(
  connection: DuckDBConnection,
  table: string,
  column: string,
  areWhole?: boolean,
): Promise<Warning[]> {
  const name = identifier(column);
  const unusual = `contains(${name}, ' ') OR contains(${name}, '\u00a0') OR contains(${name}, '\ufeff') OR contains(${name}, '.')`;
  const any = await connection.runAndReadAll(`SELECT 1 FROM ${table} WHERE ${unusual} LIMIT 1`);
  if (any.currentRowCount === 0) return [];
  const isWhole = `(regexp_full_match(id, ${whole}) OR (regexp_full_match(id, ${scientific})
    AND coalesce(TRY_CAST(id AS DOUBLE) = trunc(TRY_CAST(id AS DOUBLE)) AND abs(TRY_CAST(id AS DOUBLE)) < 9007199254740992, false)))`;
  const isMissing = `lower(id) IN ${missing}`;
  await connection.run(`CREATE TEMP TABLE spelling AS
    WITH ids AS (SELECT DISTINCT ${name} AS raw, trim(${name}, ${blanks}) AS id FROM ${table}),
    judged AS (SELECT raw, id, ${isWhole} AS is_whole, ${areWhole ?? `bool_and(${isWhole} OR ${isMissing}) OVER ()`} AS all_whole FROM ids)
    SELECT raw, CASE
      WHEN NOT (all_whole AND is_whole) THEN id
      WHEN regexp_full_match(id, ${whole}) THEN regexp_replace(id, '\\.0*$', '')
      ELSE CAST(CAST(CAST(id AS DOUBLE) AS BIGINT) AS VARCHAR) END AS id, all_whole
    FROM judged`);
  await connection.run(
    `UPDATE ${table} SET ${name} = spelling.id FROM spelling WHERE ${table}.${name} = spelling.raw AND spelling.raw <> spelling.id`,
  );
  const reader = await connection.runAndReadAll(`
    SELECT first(absent.id), count(*)::INTEGER
    FROM ${table} JOIN (SELECT DISTINCT id FROM spelling WHERE all_whole AND ${isMissing}) AS absent ON ${table}.${name} = absent.id
    HAVING count(*) > 0`);
  await connection.run("DROP TABLE spelling");
  return reader.getRows().map(([id, count]) => ({
    message: `${Number(count)} rows of the ${table} have the ${column} "${String(id)}", while all others are whole numbers: it seems to stand for a missing one.`,
    remedy: `Leave those rows out: data.source.${table}.where: '${column} != ${String(id)}'.`,
  }));
}

/**
 * How the ids of a table of attributes are to be spelt so that they meet those of the ratings: true, as whole numbers; false, as
 * they are; undefined, where the ratings' leave it open.
 */
export async function spellingOfRatings(
  connection: DuckDBConnection,
  column: string,
): Promise<boolean | undefined> {
  const reader = await connection.runAndReadAll(`
    SELECT bool_and(regexp_full_match(id, '-?[0-9]+') OR lower(id) IN ${missing}), bool_or(regexp_full_match(id, '-?[0-9]+\\.0*'))
    FROM (SELECT DISTINCT ${identifier(column)} AS id FROM ratings)`);
  const [areWhole, haveFractions] = reader.getRows()[0]!;
  return areWhole === true ? true : haveFractions === true ? false : undefined;
}

/** How ids of two tables differ where they would be the same without it; the first that explains some is told. */
const differences: readonly (readonly [string, (id: string) => string])[] = [
  ["upper and lower case", (id) => id.toLowerCase()],
  ["leading zeros", (id) => id.replace(/^0+(?=\d)/, "")],
  ["quotes", (id) => id.replaceAll(/["'`]/g, "")],
  ["what is no digit", (id) => id.replaceAll(/\D+/g, "").replace(/^0+(?=\d)/, "")],
];

/**
 * Why ids of one table are not among those of another.
 * @returns the difference in spelling, with an example of both; undefined where none is known
 */
export function spellingDifference(
  unknown: Iterable<string>,
  known: Iterable<string>,
): { difference: string; example: string; other: string; count: number } | undefined {
  const [wanted, there] = [[...unknown], [...known]];
  for (const [difference, plain] of differences) {
    const byPlain = new Map<string, string>();
    for (const id of there) if (plain(id) !== "") byPlain.set(plain(id), id);
    const found = wanted.filter((id) => plain(id) !== "" && byPlain.has(plain(id)));
    if (found.length > 0)
      return { difference, example: found[0]!, other: byPlain.get(plain(found[0]!))!, count: found.length };
  }
  return undefined;
}
