import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnReference, RatingsConfig, TableConfig } from "./config.ts";
import type { LoadReport } from "../log.ts";
import { parseConditions } from "./conditions.ts";
import { identifier } from "./database.ts";
import type { OpenedFiles } from "./files.ts";
import { unrolled } from "./impressions.ts";
import { unknownColumn } from "./layout.ts";
import { numberMacro } from "./number.ts";
import { openRelation, type Relation } from "./relation.ts";
import { broken, rowAt } from "./text-rows.ts";
import { isRemote, notFetched } from "./remote.ts";
import type { Rejected } from "./rejects.ts";

/** A column to read: where it is, undefined where heading lines tell it; how its text becomes a value, and when the value is bad. */
export interface ColumnPlan {
  reference: ColumnReference | undefined;
  /** SQL of the value from the text, which is called like the column. Default: the text. */
  value?: string;
  /** SQL that is true for a bad cell; `text` and `value` stand for the two. */
  isBad?: string;
  /** What is wrong with a bad cell, as in `the rating is not a number`. */
  complaint?: string;
  /** Under `onBadRow: skip`, whether a bad cell is no value, and its row stays. */
  mayLack?: boolean;
}

// Columns beside those of the mapping have names that no attribute has: DuckDB tells names apart by more than their case alone.
const bad = identifier("?bad");
const badText = identifier("?bad text");
const badAt = identifier("?bad at");
const kept = identifier("?kept");

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
    ...Object.fromEntries(
      Object.entries(columns).flatMap(([key, { reference }]) =>
        reference === undefined ? [] : [[key, reference]],
      ),
    ),
    ...named,
  };
  const plans = Object.entries(columns);
  try {
    const { heading, impressions } = config as Partial<RatingsConfig>;
    const relation = await openRelation(connection, table, config, files, wanted, heading);
    await connection.run(numberMacro(config.decimal));
    let isFirst = true;
    for await (const part of relation.parts) {
      const sql = impressions === undefined ? part : unrolled(part, impressions);
      const verb = isFirst ? `CREATE TABLE ${identifier(table)} AS` : `INSERT INTO ${identifier(table)}`;
      await connection.run(
        `${verb} ${selectStatement(sql, plans, condition, config.onBadRow, relation.fieldNames === undefined ? [] : Object.keys(named))}`,
      );
      isFirst = false;
      const [rejected] = config.onBadRow === "error" ? relation.rejected() : [];
      if (rejected !== undefined) throw badRow(table, rejected);
    }
    await requireFields(connection, table, files, relation, wanted);
    const leftOut = await countLeftOut(connection, table, config);
    const badOnes = await badRows(connection, table, relation, plans);
    const [first] = badOnes;
    if (first !== undefined && config.onBadRow === "error") {
      throw badRow(table, { ...first, ...remedyFor(first, config) });
    }
    await connection.run(`DELETE FROM ${identifier(table)} WHERE ${bad} IS NOT NULL`);
    const cells = config.onBadRow === "skip" ? await badCells(connection, table, relation, plans) : [];
    const rejected = relation
      .rejected()
      .map(({ reason, count, firstPlace }) => ({ table, reason, count, firstPlace }));
    return [...rejected, ...badOnes, ...cells, ...leftOut];
  } catch (cause) {
    if (CorellaError.isInstance(cause)) throw cause;
    throw unreadable(table, config, files, cause);
  }
}

function badRow(table: string, { reason, firstPlace, remedy }: Rejected): CorellaError {
  return new CorellaError({
    code: "data/bad-row",
    message: `${capital(reason)}.`,
    place: firstPlace,
    remedy: `${remedy ?? "Correct the row"}, or set data.source.${table}.onBadRow to skip: bad rows are then counted and left out.`,
  });
}

/** What may be done about a cell, where its text tells. */
function remedyFor(
  { reason, firstPlace }: Skipped,
  { decimal, missing, format, header }: TableConfig,
): { remedy?: string } {
  if (format === "csv" && !header && /:1, column /.test(firstPlace) && /: "[a-zA-Z_][\w .-]*"$/.test(reason))
    return { remedy: "Correct the row, set header: true where it names the columns" };
  const text = /: ("(?:[^"\\]|\\.)*")$/.exec(reason)?.[1];
  if (text === undefined) return {};
  const digits = /^"(\d{12,20})(?:\.\d*)?"$/.exec(text)?.[1];
  if (
    reason.startsWith("the time is not between 1970") &&
    reason.includes("in seconds") &&
    digits !== undefined
  ) {
    const date =
      /^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d([0-5]\d)?$/.exec(
        digits,
      );
    if (date !== null)
      return { remedy: `Write timeFormat: "%Y%m%d%H%M${date[1] === undefined ? "" : "%S"}"` };
    const unit = digits.length < 15 ? "milliseconds" : digits.length < 18 ? "microseconds" : "nanoseconds";
    return { remedy: `Write timeUnit: ${unit}` };
  }
  if (decimal === "." && /^" *[+-]?\d*,\d+ *"$/.test(text)) return { remedy: 'Set `decimal: ","`' };
  const known =
    /^" *(?:\\\\N|N\/?A|<NA>|NaN|null|none|nil|\?|-+|\.)? *"$/i.test(text) && text.trim() !== '""';
  if (known && !missing.includes(text))
    return {
      remedy: `Correct the row, name the text in \`missing: [${text}]\` where it stands for no value`,
    };
  return {};
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
  const names = await fieldNames();
  for (const key of empty) {
    const column = wanted[key]!;
    // Where no line is an object, that is the mistake to tell of.
    if (names.length === 0 || names.includes(String(column).replaceAll(/\[\d*\]/g, ""))) continue;
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
    `SELECT count(*)::DOUBLE FROM ${identifier(table)} WHERE ${bad} = ${leftOutCode}`,
  );
  const count = Number(reader.getRows()[0]![0]);
  await connection.run(`DELETE FROM ${identifier(table)} WHERE ${bad} = ${leftOutCode}`);
  const reason = `left out by where: ${where.join(", ")}`;
  return count === 0 ? [] : [{ table, reason, count, firstPlace: `data.source.${table}.where` }];
}

/** Of a plan whose bad cells are no values, rather than the end of their row: the text of a bad cell. */
const cellName = (key: string): string => identifier(`?bad ${key}`);

function selectStatement(
  sql: string,
  plans: [string, ColumnPlan][],
  condition: string | undefined,
  onBadRow: TableConfig["onBadRow"],
  conditional: readonly string[],
): string {
  // Fields that conditions alone name stay until it is known whether any row has them.
  const fields = conditional.map((key) => identifier(key));
  const texts = plans.map(([key]) => `${identifier(key)} AS ${identifier(`?text ${key}`)}`);
  const values = plans.map(
    ([key, { value }]) => `${value ?? identifier(key)} AS ${identifier(`?value ${key}`)}`,
  );
  const badness = plans.map(([key, { isBad }]) =>
    isBad?.replaceAll(/\b(?:text|value)\b/g, (which) => identifier(`?${which} ${key}`)),
  );
  const isCell = ({ mayLack }: ColumnPlan): boolean => mayLack === true && onBadRow === "skip";
  const conditions = plans.flatMap(([, plan], index) =>
    badness[index] === undefined || isCell(plan) ? [] : [`WHEN ${badness[index]} THEN ${index}`],
  );
  const cells = plans.flatMap(([key, plan], index) =>
    badness[index] !== undefined && isCell(plan)
      ? [`CASE WHEN ${badness[index]} THEN ${identifier(`?text ${key}`)} END AS ${cellName(key)}`]
      : [],
  );
  const badTexts = plans.map(([key], index) => `WHEN ${index} THEN ${identifier(`?text ${key}`)}`);
  const cellNames = plans.flatMap(([key, plan], index) =>
    badness[index] !== undefined && isCell(plan) ? [cellName(key)] : [],
  );
  const columns = [
    ...plans.map(([key]) => `${identifier(`?value ${key}`)} AS ${identifier(key)}`),
    `CASE WHEN ${broken} THEN -1 ${condition === undefined ? "" : `WHEN NOT ${kept} THEN ${leftOutCode}`} ${conditions.join(" ")} END AS ${bad}`,
    `CASE ${bad} ${badTexts.join(" ")} END AS ${badText}`,
    ...cells,
    ...fields,
    `CASE WHEN ${[bad, ...cellNames].map((name) => `${name} IS NOT NULL`).join(" OR ")} THEN ${rowAt} END AS ${badAt}`,
  ];
  return `SELECT ${columns.join(", ")}
    FROM (SELECT ${broken}, ${rowAt}, ${[...(condition === undefined ? [] : [`${condition} AS ${kept}`]), ...fields, ...texts, ...values].join(", ")} FROM (${sql}))`;
}

/** The rows that the plans call bad, by column. */
async function badRows(
  connection: DuckDBConnection,
  table: string,
  relation: Relation,
  plans: [string, ColumnPlan][],
): Promise<Skipped[]> {
  const reader = await connection.runAndReadAll(
    `SELECT ${bad}, count(*)::DOUBLE, min(${badAt})::DOUBLE, arg_min(coalesce(${badText}, ''), ${badAt})
     FROM ${identifier(table)} WHERE ${bad} IS NOT NULL GROUP BY ${bad} ORDER BY min(${badAt}), ${bad}`,
  );
  return reader.getRows().map(([code, count, at, text]): Skipped => {
    const [key, plan] = plans[Number(code)] ?? ["", undefined];
    const reason =
      plan === undefined ? "a line is not a JSON object" : `${plan.complaint}: ${shown(String(text))}`;
    return { table, reason, count: Number(count), firstPlace: relation.placeOf(Number(at), key) };
  });
}

/** The bad cells of the rows that stay, by column. */
async function badCells(
  connection: DuckDBConnection,
  table: string,
  relation: Relation,
  plans: [string, ColumnPlan][],
): Promise<Skipped[]> {
  const skipped: Skipped[] = [];
  for (const [key, { mayLack, isBad, complaint }] of plans) {
    if (mayLack !== true || isBad === undefined) continue;
    const cell = cellName(key);
    const reader = await connection.runAndReadAll(
      `SELECT count(*)::DOUBLE, min(${badAt})::DOUBLE, arg_min(${cell}, ${badAt}) FROM ${identifier(table)} WHERE ${cell} IS NOT NULL`,
    );
    const [count, at, text] = reader.getRows()[0]!;
    if (Number(count) === 0) continue;
    const reason = `${complaint}: ${shown(String(text))} (the cell has no value, its row stays)`;
    skipped.push({ table, reason, count: Number(count), firstPlace: relation.placeOf(Number(at), key) });
  }
  return skipped;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}

function unreadable(table: string, config: TableConfig, files: OpenedFiles, cause: unknown): CorellaError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const url = files.paths.find(isRemote);
  if (url !== undefined) return notFetched(table, url, cause);
  return new CorellaError({
    code: "data/unreadable",
    message: `The ${table} cannot be read as ${config.format}: ${message.split("\n")[0]}`,
    place: files.nameOf(files.paths[0]!),
    remedy: `Check data.source.${table}: path and format.`,
    cause,
  });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
