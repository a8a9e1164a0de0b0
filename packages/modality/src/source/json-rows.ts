import type { TableConfig } from "../config.ts";
import { identifier, literal } from "./database.ts";
import type { OpenedFiles } from "./files.ts";
import { readLines } from "./lines.ts";
import { PartWriter } from "./parts.ts";
import { Rejects } from "./rejects.ts";
import { linesOfFile, noRows, type TextRows } from "./text-rows.ts";

/**
 * The rows of files of JSON lines.
 * @param wanted fields by key, as SQL from the column `line`
 */
export function jsonRows(
  table: string,
  config: TableConfig,
  opened: OpenedFiles,
  wanted: Readonly<Record<string, string>>,
): TextRows {
  const files = opened.paths.map((path) => ({ path, name: opened.nameOf(path) }));
  const rejects = new Rejects(config);
  const missing = config.missing.map(literal).join(", ");
  const fields = Object.entries(wanted).map(([key, sql]) => {
    const value = missing === "" ? sql : `CASE WHEN ${sql} NOT IN (${missing}) THEN ${sql} END`;
    return `CASE WHEN valid THEN ${value} END AS ${identifier(key)}`;
  });
  async function* parts(): AsyncGenerator<string, void, undefined> {
    const writer = new PartWriter(opened.scratchFolder, table, 1);
    const take = async (): Promise<string | undefined> => {
      const lines = await writer.take(([line]) => `${line} AS line`);
      if (lines === undefined) return undefined;
      const checked = `SELECT *, json_valid(line) AND ltrim(line, ' \t')[1] = '{' AS valid FROM (${lines})`;
      return `SELECT row_at, ${fields.join(", ")}, NOT valid AS broken FROM (${checked})`;
    };
    try {
      for (const [number, file] of files.entries()) {
        for await (const { first, texts, complaints } of readLines(file, config.encoding)) {
          for (const [index, text] of texts.entries()) {
            if (text.trim() === "") continue;
            const line = first + index;
            const kind = complaints.get(index) ?? notation(text);
            if (kind !== undefined) rejects.line(file.name, { line, kind, position: 0 });
            else {
              writer.begin(number * linesOfFile + line);
              writer.cell(text);
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
          for (const text of texts) addNames(names, "", parsed(text));
        }
      }
      return [...names];
    },
  };
}

/** What a line is that is no JSON object by its first characters. */
function notation(text: string): "array" | "python" | undefined {
  const start = /^\s*(?:(\[)|\{\s*u?'|)/.exec(text)!;
  if (start[1] !== undefined) return "array";
  return start[0].endsWith("'") ? "python" : undefined;
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
