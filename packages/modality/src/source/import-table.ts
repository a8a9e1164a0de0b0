import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnReference, TableConfig } from "../config.ts";
import type { LoadReport } from "../log.ts";
import { identifier } from "./database.ts";
import type { OpenedFiles } from "./files.ts";
import { openRelation, type Relation } from "./relation.ts";
import { isRemote, notFetched } from "./remote.ts";
import type { Rejected } from "./text-rows.ts";

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
  const wanted = Object.fromEntries(Object.entries(columns).map(([key, { reference }]) => [key, reference]));
  const plans = Object.entries(columns);
  try {
    const relation = await openRelation(connection, table, config, files, wanted);
    let isFirst = true;
    for await (const sql of relation.parts) {
      const verb = isFirst ? `CREATE TABLE ${identifier(table)} AS` : `INSERT INTO ${identifier(table)}`;
      await connection.run(`${verb} ${selectStatement(sql, plans)}`);
      isFirst = false;
      const [rejected] = config.onBadRow === "error" ? relation.rejected() : [];
      if (rejected !== undefined) throw badRow(table, rejected);
    }
    const cells = await badCells(connection, table, relation, plans);
    const [first] = cells;
    if (first !== undefined && config.onBadRow === "error") throw badRow(table, first);
    await connection.run(`DELETE FROM ${identifier(table)} WHERE bad IS NOT NULL`);
    const rejected = relation
      .rejected()
      .map(({ reason, count, firstPlace }) => ({ table, reason, count, firstPlace }));
    return [...rejected, ...cells];
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

function selectStatement(sql: string, plans: [string, ColumnPlan][]): string {
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
  return `SELECT ${plans.map(([key]) => `${identifier(`value ${key}`)} AS ${identifier(key)}`).join(", ")},
      CASE WHEN broken THEN -1 ${conditions.join(" ")} END AS bad,
      CASE bad ${badTexts.join(" ")} END AS bad_text,
      CASE WHEN bad IS NOT NULL THEN row_at END AS bad_at
    FROM (SELECT broken, row_at, ${[...texts, ...values].join(", ")} FROM (${sql}))`;
}

/** The rows whose cells the plans call bad, by column. */
async function badCells(
  connection: DuckDBConnection,
  table: string,
  relation: Relation,
  plans: [string, ColumnPlan][],
): Promise<Skipped[]> {
  const reader = await connection.runAndReadAll(
    `SELECT bad, count(*)::DOUBLE, min(bad_at)::DOUBLE, arg_min(coalesce(bad_text, ''), bad_at)
     FROM ${identifier(table)} WHERE bad IS NOT NULL GROUP BY bad ORDER BY min(bad_at), bad`,
  );
  return reader.getRows().map(([bad, count, at, text]): Skipped => {
    const [key, plan] = plans[Number(bad)] ?? ["", undefined];
    return {
      table,
      reason:
        plan === undefined
          ? "a line is not a JSON object"
          : `${plan.complaint}: ${JSON.stringify(String(text).slice(0, 60))}`,
      count: Number(count),
      firstPlace: relation.placeOf(Number(at), key),
    };
  });
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
