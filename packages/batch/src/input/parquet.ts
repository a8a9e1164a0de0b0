import { DuckDBListValue, type DuckDBValue } from "@duckdb/node-api";
import { CorellaError } from "@corella/errors";
import type { Attributes } from "@corella/modality";
import type { Columns } from "../columns.ts";
import { identifier, literal, openDatabase, withDatabase } from "../database.ts";
import type { Shard } from "../plan-format.ts";
import type { InputRow } from "./row.ts";

/** The columns of a Parquet file, how many rows it has, and ranges of them. */
export async function describeParquet(
  path: string,
  shardRows: number,
): Promise<{ names: readonly string[]; rows: number; ranges: Omit<Shard, "input">[] }> {
  return withDatabase(async (connection) => {
    const names = Object.keys(await typesOf(path));
    const counted = await connection.runAndReadAll(
      `SELECT coalesce(sum(num_rows), 0)::DOUBLE FROM parquet_file_metadata(${literal(path)})`,
    );
    const rows = counted.getRows()[0]![0] as number;
    const count = Math.ceil(rows / shardRows);
    const ranges = Array.from({ length: count }, (_, i) => {
      const start = i * shardRows;
      return { start, rows: Math.min(shardRows, rows - start) };
    });
    return { names, rows, ranges };
  });
}

/** SQL types by column. */
async function typesOf(path: string): Promise<Record<string, string>> {
  return withDatabase(async (connection) => {
    try {
      const described = await connection.runAndReadAll(
        `DESCRIBE SELECT * FROM read_parquet(${literal(path)})`,
      );
      return Object.fromEntries(described.getRows().map(([name, type]) => [String(name), String(type)]));
    } catch (cause) {
      throw new CorellaError({
        code: "batch/input",
        message: "This is no Parquet file.",
        place: path,
        remedy: "Write it again; compressed columns are fine.",
        cause,
      });
    }
  });
}

const numeric = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/;

/** The rows of a shard of a Parquet file, in their order; from a connection of their own, for a second statement would end them. */
export async function* parquetRows(path: string, shard: Shard, columns: Columns): AsyncGenerator<InputRow[]> {
  const types = await typesOf(path);
  const value = (name: string): string => {
    const [column, type] = [identifier(name), types[name]!];
    if (numeric.test(type)) return `${column}::DOUBLE`;
    return type.endsWith("[]") ? `${column}::VARCHAR[]` : `${column}::VARCHAR`;
  };
  const time = (name: string): string => {
    const [column, type] = [identifier(name), types[name]!];
    if (/^(TIMESTAMP|DATE)/.test(type)) return `epoch(${column})::DOUBLE`;
    return `TRY_CAST(${column} AS DOUBLE)`;
  };
  const { context, userAttributes, itemAttributes } = columns;
  const groups = [context, userAttributes, itemAttributes].map((group) => Object.entries(group));
  const selected = [
    "file_row_number::DOUBLE",
    columns.user === undefined ? "NULL" : `${identifier(columns.user)}::VARCHAR`,
    `${identifier(columns.item)}::VARCHAR`,
    columns.time === undefined ? "NULL::DOUBLE" : time(columns.time),
    // Whether what should be a time was something else.
    columns.time === undefined ? "false" : `${identifier(columns.time)} IS NOT NULL`,
    ...groups.flat().map(([, column]) => value(column)),
  ];
  const end = shard.start + shard.rows;
  const sql = `SELECT ${selected.join(", ")} FROM read_parquet(${literal(path)}, file_row_number = true) WHERE file_row_number >= ${shard.start} AND file_row_number < ${end}`;
  const { connection, close } = await openDatabase();
  try {
    const result = await connection.stream(sql);
    let next = shard.start;
    for (
      let chunk = await result.fetchChunk();
      chunk && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      const block = chunk.getRows().map((cells): InputRow => rowOf(cells, groups));
      for (const { row } of block)
        if (row !== next++) throw new Error(`Row ${row} of ${path} came out of turn.`);
      yield block;
    }
  } finally {
    close();
  }
}

function rowOf(cells: readonly DuckDBValue[], groups: readonly (readonly [string, string])[][]): InputRow {
  const [row, user, item, time, hasTime, ...values] = cells;
  let at = 0;
  const [context, userAttributes, itemAttributes] = groups.map((group): Attributes | undefined => {
    const known = group.flatMap(([name]) => {
      const value = values[at++];
      if (value === null || value === undefined) return [];
      return [
        [name, value instanceof DuckDBListValue ? value.items.map(String) : (value as string | number)],
      ];
    });
    return known.length === 0 ? undefined : (Object.fromEntries(known) as Attributes);
  });
  const isTime = typeof time === "number" && Number.isFinite(time);
  return {
    row: row as number,
    user: (user as string | null) || null,
    item: (item as string | null) || null,
    time: isTime ? time : null,
    context,
    userAttributes,
    itemAttributes,
    malformed: !item
      ? "it has no item"
      : hasTime === true && !isTime
        ? "its time is no number of seconds"
        : undefined,
  };
}
