import type { ColumnReference, TableConfig } from "./config.ts";
import { identifier, literal } from "./database.ts";
import type { OpenedFiles } from "./files.ts";
import { elementColumn, jsonFields, lineColumn } from "./json-fields.ts";
import { parseLiteral } from "./literal.ts";
import { readLines } from "./lines.ts";
import { PartWriter } from "./parts.ts";
import { Rejects } from "./rejects.ts";
import { broken, linesOfFile, noRows, rowAt, type TextRows } from "./text-rows.ts";

/**
 * The rows of files of JSON lines.
 * @param wanted fields by key
 * @throws CorellaError those of `jsonFields`
 */
export function jsonRows(
  table: string,
  config: TableConfig,
  opened: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
): TextRows {
  const { sql: wantedSql, list } = jsonFields(table, wanted);
  const files = opened.paths.map((path) => ({ path, name: opened.nameOf(path) }));
  const rejects = new Rejects(config);
  const missing = config.missing.map(literal).join(", ");
  const fields = Object.entries(wantedSql).map(([key, sql]) => {
    const value = missing === "" ? sql : `CASE WHEN ${sql} NOT IN (${missing}) THEN ${sql} END`;
    return `CASE WHEN ${valid} THEN ${value} END AS ${identifier(key)}`;
  });
  async function* parts(): AsyncGenerator<string, void, undefined> {
    const writer = new PartWriter(opened.scratchFolder, table, 1);
    const take = async (): Promise<string | undefined> => {
      const lines = await writer.take(([cell]) => `${cell} AS ${lineColumn}`);
      if (lines === undefined) return undefined;
      const checked = `SELECT *, json_valid(${lineColumn}) AND ltrim(${lineColumn}, ' \t')[1] = '{' AS ${valid} FROM (${lines})`;
      return `SELECT ${rowAt}, ${fields.join(", ")}, NOT ${valid} AS ${broken} FROM (${unrolled(checked, list)})`;
    };
    try {
      for (const [number, file] of files.entries()) {
        for await (const { first, texts, complaints } of readLines(file, config.encoding)) {
          for (const [index, text] of texts.entries()) {
            if (text.trim() === "") continue;
            const line = first + index;
            const { kind, json } = complaints.has(index) ? { kind: complaints.get(index)! } : asJson(text);
            if (json === undefined) rejects.line(file.name, { line, kind, position: 0 });
            else {
              writer.begin(number * linesOfFile + line);
              writer.cell(json);
              writer.end();
            }
          }
          if (await writer.flush()) {
            yield (await take())!;
            await writer.remove();
          }
        }
      }
      yield (await take()) ?? noRows(Object.keys(wanted));
    } finally {
      await writer.remove();
    }
  }
  return {
    parts: parts(),
    rejected: () => rejects.all(),
    placeOf: (at, key) =>
      `${files[Math.floor(at / linesOfFile)]!.name}:${at % linesOfFile}, column ${key === "" ? 1 : key}`,
    fieldNames: async () => {
      const names = new Set<string>();
      for (const file of files) {
        for await (const { texts } of readLines(file, config.encoding)) {
          for (const text of texts) addNames(names, "", parsed(asJson(text).json ?? ""));
        }
      }
      return [...names];
    },
  };
}

const valid = identifier("?valid");

/** Each element of a list as a row of its own; a line without any stays one, whose element is missing. */
function unrolled(lines: string, list: string | undefined): string {
  if (list === undefined) return lines;
  const elements = `CASE WHEN json_array_length(CASE WHEN ${valid} THEN ${list} END) > 0 THEN CAST(${list} AS JSON[]) ELSE [NULL::JSON] END`;
  return `SELECT *, unnest(${elements}) AS ${elementColumn} FROM (${lines})`;
}

/** Where in a line Python's notation shows: a first key in single quotes or without any, or a value that JSON does not have. */
const ofPython = /^\s*\{\s*(?:[ub]?'|\w)|[:[,(]\s*(?:None|True|False|[ub]?'|\()/;

/**
 * A line of JSON as it is, one in Python's notation as JSON. What is neither is left to the reader of JSON.
 * @returns `kind`: of a line that is no object
 */
function asJson(text: string): { json: string; kind?: never } | { json?: never; kind: "array" | "python" } {
  if (/^\s*\[/.test(text)) return { kind: "array" };
  if (!ofPython.test(text) || parsed(text) !== undefined) return { json: text };
  const value = parseLiteral(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return { json: JSON.stringify(value) };
  return /^\s*\{\s*[ub]?'/.test(text) ? { kind: "python" } : { json: text };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Adds the names of the fields of a value, and of what is in them, to so many names as help anyone. */
function addNames(names: Set<string>, path: string, value: unknown): void {
  if (typeof value !== "object" || value === null || names.size > 10_000) return;
  if (Array.isArray(value)) {
    for (const element of value) addNames(names, path, element);
    return;
  }
  for (const [name, field] of Object.entries(value)) {
    const full = path === "" ? name : `${path}.${name}`;
    names.add(full);
    addNames(names, full, field);
  }
}
