import type { DuckDBConnection } from "@duckdb/node-api";
import type { ColumnReference, Heading, TableConfig } from "./config.ts";
import { identifier, literal } from "./database.ts";
import { delimitedRows } from "./delimited-rows.ts";
import type { OpenedFiles } from "./files.ts";
import { jsonRows } from "./json-rows.ts";
import { unknownColumn } from "./layout.ts";
import { broken, rowAt, type TextRows } from "./text-rows.ts";

/**
 * The wanted columns of a table: SQL of some of its rows each, with VARCHAR columns named by key, `broken` for rows that are no
 * record, and `rowAt` for their place.
 */
export type Relation = TextRows;

/**
 * The wanted columns of a table as SQL over its files, whatever their format.
 * @param wanted columns by the key under which they are selected
 * @param heading of delimited text: lines that tell a further column
 * @throws CorellaError `data/unknown-column`, `data/empty-file`, those of `delimitedRows` and of reading its parts
 */
export async function openRelation(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  files: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
  heading: Heading | undefined,
): Promise<Relation> {
  if (config.format === "parquet") return parquetRelation(connection, table, config, files, wanted);
  if (config.format === "csv") return delimitedRows(table, config, files, wanted, heading);
  return jsonRows(table, config, files, wanted);
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
    parts: one(`SELECT 0::BIGINT AS ${rowAt}, ${fields.join(", ")}, false AS ${broken} FROM ${source}`),
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

async function* one(sql: string): AsyncGenerator<string, void, undefined> {
  yield sql;
}
