import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnReference, TableConfig } from "../config.ts";
import { identifier, literal } from "./database.ts";
import type { OpenedFiles } from "./files.ts";
import { unknownColumn } from "./layout.ts";
import { delimitedRows, jsonRows, type TextRows } from "./text-rows.ts";

/**
 * The wanted columns of a table: SQL of some of its rows each, with VARCHAR columns named by key, `broken` for rows that are no
 * record, and `row_at` for their place.
 */
export type Relation = TextRows;

/**
 * The wanted columns of a table as SQL over its files, whatever their format.
 * @param wanted columns by the key under which they are selected
 * @throws CorellaError `data/unknown-column`, `data/empty-file`, those of `delimitedRows` and of reading its parts
 */
export async function openRelation(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
): Promise<Relation> {
  if (config.format === "parquet") return parquetRelation(connection, table, config, files, wanted);
  if (config.format === "csv") return delimitedRows(table, config, files, wanted);
  const fields = Object.entries(wanted).map(([key, column]) => [key, jsonField(table, key, column)]);
  return jsonRows(table, config, files, Object.fromEntries(fields));
}

/** SQL of a field of a line of JSON: of the field with that very name, or else at the end of a path such as `user.ids[0]`. */
function jsonField(table: string, key: string, column: ColumnReference): string {
  if (typeof column === "number") throw needsName(table, key);
  const step = (name: string): string => `."${name.replaceAll('"', '\\"')}"`;
  const extract = (path: string): string => `json_extract_string(line, ${literal(`$${path}`)})`;
  if (!/[.[]/.test(column)) return extract(step(column));
  const steps = column.split(".").map((part) => {
    const [, name, indices] = /^(.*?)((?:\[\d+\])*)$/.exec(part)!;
    return `${name === "" ? "" : step(name!)}${indices}`;
  });
  return `coalesce(${extract(step(column))}, ${extract(steps.join(""))})`;
}

async function parquetRelation(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
): Promise<Relation> {
  const source = `read_parquet([${files.paths.map(literal).join(", ")}])`;
  const types = new Map<string, string>();
  for (const [name, type] of (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRows()) {
    types.set(String(name), String(type));
  }
  const names = [...types.keys()];
  const missing = config.missing.map(literal).join(", ");
  const fields = Object.entries(wanted).map(([key, column]) => {
    const name = typeof column === "number" ? names[column] : column;
    const type = name === undefined ? undefined : types.get(name);
    if (name === undefined || type === undefined) {
      throw unknownColumn(table, key, column, files.nameOf(files.paths[0]!), names, names.length);
    }
    const text = `CAST(${parquetValue(identifier(name), type)} AS VARCHAR)`;
    return `${missing === "" ? text : `CASE WHEN ${text} NOT IN (${missing}) THEN ${text} END`} AS ${identifier(key)}`;
  });
  const place = files.nameOf(files.paths[0]!);
  return {
    parts: one(`SELECT 0::BIGINT AS row_at, ${fields.join(", ")}, false AS broken FROM ${source}`),
    rejected: () => [],
    placeOf: (_, key) => `${place}, column ${key}`,
  };
}

/** Lists and objects as JSON; bytes without the mark of a text, as Hive, Impala and ClickHouse write them, as UTF-8. */
function parquetValue(name: string, type: string): string {
  if (type === "BLOB") return `decode(${name})`;
  if (type === "BLOB[]") return `to_json(list_transform(${name}, lambda bytes : decode(bytes)))`;
  const isNested = type.endsWith("]") || type.startsWith("STRUCT(") || type.startsWith("MAP(");
  return isNested ? `to_json(${name})` : name;
}

function needsName(table: string, key: string): CorellaError {
  return new CorellaError({
    code: "data/unknown-column",
    message: "Columns of JSON lines have names, not positions.",
    place: `data.source.${table}.columns.${key}`,
    remedy: "Give the name of the field.",
  });
}

async function* one(sql: string): AsyncGenerator<string, void, undefined> {
  yield sql;
}
