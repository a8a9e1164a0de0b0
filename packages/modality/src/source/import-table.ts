import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnReference, RatingsConfig, TableConfig } from "../config.ts";
import type { LoadReport } from "../log.ts";
import { parseConditions } from "./conditions.ts";
import { identifier } from "./database.ts";
import { isRemote, type OpenedFiles } from "./files.ts";
import { unrolled } from "./impressions.ts";
import { locate, locateLineBreak, rowPlace } from "./locate.ts";
import { openRelation, type Relation, unknownColumn } from "./relation.ts";

/** A column to read: where it is, how its text becomes a value, and when the value is bad. */
export interface ColumnPlan {
  reference: ColumnReference;
  /** SQL of the value from the text, which is called like the column. Default: the text. */
  value?: string;
  /** SQL that is true for a bad cell; `text` and `value` stand for the two. */
  isBad?: string;
  /** What is wrong with a bad cell, as in `the rating is not a number`. */
  complaint?: string;
}

/** Stands in `bad` for a row that no condition of `where` keeps. */
const leftOutCode = -2;

/** Rows that were left out, by table and reason. */
export type Skipped = LoadReport["skipped"][number];

/**
 * Reads a table into DuckDB under the name `table`, good rows only. A bad row is an error with file, line and column,
 * or is counted and reported, as `onBadRow` says.
 */
export async function importTable(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  columns: Readonly<Record<string, ColumnPlan>>,
): Promise<Skipped[]> {
  const { sql: condition, wanted: named } = parseConditions(table, config.where, columns);
  const wanted = {
    ...Object.fromEntries(Object.entries(columns).map(([key, { reference }]) => [key, reference])),
    ...named,
  };
  const plans = Object.entries(columns);
  try {
    const relation = await openRelation(connection, table, config, files, wanted);
    const impressions = "impressions" in config ? (config as RatingsConfig).impressions : undefined;
    const sql = impressions === undefined ? relation.sql : unrolled(relation.sql, impressions);
    await connection.run(createStatement(table, sql, plans, condition));
    await requireFields(connection, table, files, relation, wanted);
    const leftOut = await countLeftOut(connection, table, config);
    const bad = [
      ...(config.format === "parquet" ? [] : await rejectedRows(connection, table, config, files)),
      ...(await badCells(connection, table, config, files, relation, plans)),
    ];
    const [first] = bad;
    if (first !== undefined && config.onBadRow === "error") {
      throw new CorellaError({
        code: "data/bad-row",
        message: `${capital(first.reason)}.`,
        place: first.firstPlace,
        remedy: `Correct the row, or set data.source.${table}.onBadRow to skip: bad rows are then counted and left out.`,
      });
    }
    await connection.run(`DELETE FROM ${identifier(table)} WHERE bad IS NOT NULL`);
    return [...bad, ...leftOut];
  } catch (cause) {
    if (CorellaError.isInstance(cause)) throw cause;
    throw await unreadable(table, config, files, cause);
  }
}

/**
 * A field without a value in all rows may be misspelt: JSON lines have no header that could tell.
 * @throws CorellaError `data/unknown-column`
 */
async function requireFields(
  connection: DuckDBConnection,
  table: string,
  files: OpenedFiles,
  { fieldNames }: Relation,
  wanted: Readonly<Record<string, ColumnReference>>,
): Promise<void> {
  if (fieldNames === undefined) return;
  const keys = Object.keys(wanted);
  const counts = keys.map((key) => `count(${identifier(key)})`);
  const reader = await connection.runAndReadAll(
    `SELECT count(*), ${counts.join(", ")} FROM ${identifier(table)}`,
  );
  const [rows, ...filled] = reader.getRows()[0]!;
  const empty = keys.filter((_, index) => Number(filled[index]) === 0);
  if (Number(rows) === 0 || empty.length === 0) return;
  const names = (await connection.runAndReadAll(fieldNames)).getRows().map(([name]) => String(name));
  for (const key of empty) {
    const column = wanted[key]!;
    // Where no line is an object, that is the mistake to tell of.
    if (names.length === 0 || names.includes(String(column))) continue;
    throw unknownColumn(
      table,
      key,
      column,
      `${files.nameOf(files.paths[0]!)}:1`,
      names.toSorted(),
      names.length,
    );
  }
}

/** Rows that a condition leaves out are no bad ones, but are counted and go, too. */
async function countLeftOut(
  connection: DuckDBConnection,
  table: string,
  { where }: TableConfig,
): Promise<Skipped[]> {
  if (where.length === 0) return [];
  const reader = await connection.runAndReadAll(
    `SELECT count(*)::DOUBLE FROM ${identifier(table)} WHERE bad = ${leftOutCode}`,
  );
  const count = Number(reader.getRows()[0]![0]);
  await connection.run(`DELETE FROM ${identifier(table)} WHERE bad = ${leftOutCode}`);
  const reason = `left out by where: ${where.join(", ")}`;
  return count === 0 ? [] : [{ table, reason, count, firstPlace: `data.source.${table}.where` }];
}

function createStatement(
  table: string,
  sql: string,
  plans: [string, ColumnPlan][],
  condition: string | undefined,
): string {
  const texts = plans.map(([key]) => `${identifier(key)} AS ${identifier(`text ${key}`)}`);
  const values = plans.map(
    ([key, { value }]) => `${value ?? identifier(key)} AS ${identifier(`value ${key}`)}`,
  );
  const conditions = plans.flatMap(([key, { isBad }], index) => {
    if (isBad === undefined) return [];
    const condition = isBad
      .replaceAll(/\btext\b/g, identifier(`text ${key}`))
      .replaceAll(/\bvalue\b/g, identifier(`value ${key}`));
    return [`WHEN ${condition} THEN ${index}`];
  });
  const badTexts = plans.map(([key], index) => `WHEN ${index} THEN ${identifier(`text ${key}`)}`);
  return `CREATE TABLE ${identifier(table)} AS
    SELECT ${plans.map(([key]) => `${identifier(`value ${key}`)} AS ${identifier(key)}`).join(", ")},
      CASE WHEN broken THEN -1 ${condition === undefined ? "" : `WHEN NOT kept THEN ${leftOutCode}`} ${conditions.join(" ")} END AS bad,
      CASE bad ${badTexts.join(" ")} END AS bad_text
    FROM (SELECT broken, ${[...(condition === undefined ? [] : [`${condition} AS kept`]), ...texts, ...values].join(", ")} FROM (${sql}))`;
}

/** What DuckDB's reader itself refused: wrong column counts, encodings and quotes, by kind. */
async function rejectedRows(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  files: OpenedFiles,
): Promise<Skipped[]> {
  const drop = "DROP TABLE reject_errors; DROP TABLE reject_scans";
  const any = await connection.runAndReadAll("SELECT 1 FROM reject_errors LIMIT 1");
  if (any.currentRowCount === 0) {
    await connection.run(drop);
    return [];
  }
  const reader = await connection.runAndReadAll(`
    WITH lines AS (
      SELECT file_path, line, min(column_idx) AS position, first(error_type::VARCHAR) AS kind, first(error_message) AS message
      FROM reject_errors JOIN reject_scans USING (scan_id, file_id) GROUP BY file_path, line)
    SELECT kind, (count(*) OVER (PARTITION BY kind))::INTEGER, file_path, line::DOUBLE, position::DOUBLE, message
    FROM lines QUALIFY row_number() OVER (PARTITION BY kind ORDER BY file_path, line) = 1 ORDER BY file_path, line`);
  const rejected = reader
    .getRows()
    .map(async ([kind, count, path, line, position, message]): Promise<Skipped> => {
      const column = kind === "MISSING COLUMNS" ? Number(position) + 1 : Number(position ?? 1);
      // The reader counts the blank lines before a rejected row as part of it, so its line may be too early.
      const exact = await rowPlace(String(path), config, Number(line));
      return {
        table,
        reason: rejectReason(String(kind), String(message)),
        count: Number(count),
        firstPlace: `${files.nameOf(String(path))}:${exact}, column ${column}`,
      };
    });
  const result = await Promise.all(rejected);
  await connection.run(drop);
  return result;
}

function rejectReason(kind: string, message: string): string {
  const counts = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
  if (counts !== null) return `a row has ${counts[2]} columns where ${counts[1]} are expected`;
  if (kind === "INVALID ENCODING") return "text is not UTF-8 (is it latin1?)";
  if (kind.startsWith("UNQUOTED")) return "a quote is not closed, or text follows it";
  if (kind.startsWith("LINE SIZE")) return "a line is longer than 2 MB";
  return message.split("\n")[0]!.replace(/\.$/, "");
}

/** The rows whose cells the plans call bad, by column. */
async function badCells(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  relation: Relation,
  plans: [string, ColumnPlan][],
): Promise<Skipped[]> {
  const reader = await connection.runAndReadAll(
    `SELECT bad, count(*)::INTEGER, list_slice(list(DISTINCT coalesce(bad_text, '')), 1, 1000)
     FROM ${identifier(table)} WHERE bad IS NOT NULL GROUP BY bad ORDER BY bad`,
  );
  return Promise.all(
    reader.getRowsJson().map(async ([bad, count, texts]): Promise<Skipped> => {
      const [key, plan] = plans[Number(bad)] ?? ["", undefined];
      const values = new Set(texts as string[]);
      const place = await locate(config, files, relation, key, plan?.reference, values);
      const shown = place.text === undefined ? "" : `: ${JSON.stringify(place.text.slice(0, 60))}`;
      return {
        table,
        reason: plan === undefined ? "a line is not a JSON object" : `${plan.complaint}${shown}`,
        count: Number(count),
        firstPlace: place.place,
      };
    }),
  );
}

async function unreadable(
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  cause: unknown,
): Promise<CorellaError> {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (files.paths.some(isRemote) && message.includes("'httpfs'")) {
    return new CorellaError({
      code: "data/no-httpfs",
      message: "DuckDB reads URLs by its extension httpfs, which is not installed and cannot be fetched.",
      place: files.nameOf(files.paths[0]!),
      remedy: `Let the machine reach extensions.duckdb.org once, or download the file and name it in data.source.${table}.path.`,
      cause,
    });
  }
  const lineBreak = config.format === "parquet" ? undefined : await locateLineBreak(config, files);
  if (lineBreak !== undefined) {
    return new CorellaError({
      code: "data/mixed-line-breaks",
      message: "Lines of this file end in different ways (\\n, \\r\\n, \\r).",
      place: lineBreak,
      remedy: "Convert the file to one kind, for example with dos2unix.",
      cause,
    });
  }
  return new CorellaError({
    code: "data/unreadable",
    message: `The ${table} cannot be read as ${config.format}: ${message.split("\n")[0]}`,
    place: `${files.nameOf(files.paths[0]!)}:1, column 1`,
    remedy: `Check data.source.${table}: format, delimiter, quote, header and encoding.`,
    cause,
  });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
