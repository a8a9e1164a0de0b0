import { CorellaError, nearestName } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnReference, TableConfig } from "../config.ts";
import { identifier, literal } from "./database.ts";
import { emptyFile, isRemote, type OpenedFiles } from "./files.ts";
import { scanRecords } from "./scan.ts";

/** The wanted columns of a table as SQL: VARCHAR columns named by key, and `broken` for rows that are no record. */
export interface Relation {
  sql: string;
  /** key -> position in the text, for places; absent for formats without positions. */
  positions?: Record<string, number>;
  /** SQL of the names of all fields that occur; absent for formats whose columns are known before. */
  fieldNames?: string;
}

const jsonDelimiter = "\u0001"; // cannot stand in a line of valid JSON

/**
 * The wanted columns of a table as SQL over its files, whatever their format.
 * @param wanted columns by the key under which they are selected
 * @throws CorellaError `data/unknown-column`, `data/empty-file`
 */
export async function openRelation(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
): Promise<Relation> {
  if (config.format === "parquet") return parquetRelation(connection, table, files, wanted);
  if (config.format === "jsonl") return jsonRelation(table, config, files, wanted);
  return textRelation(connection, table, config, files, wanted);
}

async function textRelation(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
): Promise<Relation> {
  const { names, count } = await sniff(connection, config, files);
  const positions: Record<string, number> = {};
  for (const [key, column] of Object.entries(wanted)) {
    positions[key] = typeof column === "number" ? column : names.indexOf(column);
    if (positions[key] >= 0 && positions[key] < count) continue;
    throw unknownColumn(
      table,
      key,
      column,
      `${files.nameOf(files.paths[0]!)}:1`,
      config.header ? names : [],
      count,
    );
  }
  const columns = Array.from({ length: count }, (_, i) => `'c${i}': 'VARCHAR'`).join(", ");
  const selected = Object.entries(positions).map(([key, position]) => `c${position} AS ${identifier(key)}`);
  return {
    positions,
    sql: `SELECT ${selected.join(", ")}, false AS broken FROM ${readText(config, files, columns)}`,
  };
}

function readText(config: TableConfig, files: OpenedFiles, columns: string): string {
  const options = [
    `[${files.paths.map(literal).join(", ")}]`,
    `delim = ${literal(config.delimiter)}`,
    `quote = ${literal(config.quote)}`,
    `escape = ${literal(config.quote)}`,
    `header = ${config.header}`,
    `encoding = ${literal(config.encoding === "latin1" ? "latin-1" : "utf-8")}`,
    `columns = {${columns}}`,
    "auto_detect = false",
    "max_line_size = 2000000",
    "store_rejects = true",
  ];
  return `read_csv(${options.join(", ")})`;
}

/** The names of the header, and how many columns the file has: as many as most of its first 100 records. */
async function sniff(
  connection: DuckDBConnection,
  config: TableConfig,
  files: OpenedFiles,
): Promise<{ names: string[]; count: number }> {
  const path = files.paths[0]!;
  if (isRemote(path) || path.endsWith(".zst")) {
    const reader = await connection.runAndReadAll(
      `SELECT unnest(Columns).name FROM sniff_csv(${literal(path)}, delim = ${literal(config.delimiter)}, quote = ${literal(config.quote)}, header = ${config.header})`,
    );
    const names = reader.getRows().map(([name]) => String(name));
    return { names, count: names.length };
  }
  const counts = new Map<number, number>();
  let scanned = 0;
  for await (const { fields } of scanRecords(path, config)) {
    if (config.header) return { names: fields, count: fields.length };
    counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1);
    if (++scanned === 100) break;
  }
  if (scanned === 0) throw emptyFile(files.nameOf(path));
  const [most] = [...counts].sort(([, timesA], [, timesB]) => timesB - timesA);
  return { names: [], count: most![0] };
}

function jsonRelation(
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
): Relation {
  const fields = Object.entries(wanted).map(([key, column]) => {
    if (typeof column === "number") throw needsName(table, key);
    const path = literal(`$."${column.replaceAll('"', '\\"')}"`);
    return `CASE WHEN valid THEN json_extract_string(line, ${path}) END AS ${identifier(key)}`;
  });
  const lines = readText(
    { ...config, delimiter: jsonDelimiter, quote: "", header: false },
    files,
    "'line': 'VARCHAR'",
  );
  return {
    fieldNames: `SELECT DISTINCT unnest(json_keys(line)) FROM ${lines} WHERE json_valid(line) AND ltrim(line)[1] = '{'`,
    sql: `SELECT ${fields.join(", ")}, NOT valid AS broken FROM (SELECT line, json_valid(line) AND ltrim(line)[1] = '{' AS valid FROM ${lines})`,
  };
}

async function parquetRelation(
  connection: DuckDBConnection,
  table: string,
  files: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
): Promise<Relation> {
  const source = `read_parquet([${files.paths.map(literal).join(", ")}])`;
  const types = new Map<string, string>();
  for (const [name, type] of (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRows()) {
    types.set(String(name), String(type));
  }
  const names = [...types.keys()];
  const fields = Object.entries(wanted).map(([key, column]) => {
    const name = typeof column === "number" ? names[column] : column;
    const type = name === undefined ? undefined : types.get(name);
    if (name === undefined || type === undefined) {
      throw unknownColumn(table, key, column, files.nameOf(files.paths[0]!), names, names.length);
    }
    return `CAST(${parquetValue(identifier(name), type)} AS VARCHAR) AS ${identifier(key)}`;
  });
  return { sql: `SELECT ${fields.join(", ")}, false AS broken FROM ${source}` };
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

/** The error for a column that the files do not have. */
export function unknownColumn(
  table: string,
  key: string,
  column: ColumnReference,
  place: string,
  names: readonly string[],
  count: number,
): CorellaError {
  const near = typeof column === "string" ? nearestName(column, names) : undefined;
  const known =
    names.length > 0 ? `It has: ${names.slice(0, 20).join(", ")}.` : `Positions are 0 to ${count - 1}.`;
  return new CorellaError({
    code: "data/unknown-column",
    message:
      typeof column === "number"
        ? `The file has ${count} columns, so none at position ${column} (data.source.${table}.columns.${key}).`
        : `The file has no column "${column}" (data.source.${table}.columns.${key}).`,
    place,
    remedy: near === undefined ? `${known} Check the delimiter and header, too.` : `Did you mean "${near}"?`,
  });
}
