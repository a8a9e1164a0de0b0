import type { ColumnReference, TableConfig } from "../config.ts";
import { isRemote, type OpenedFiles } from "./files.ts";
import type { Relation } from "./relation.ts";
import { scanLines, scanRecords } from "./scan.ts";

/**
 * The first cell of a column whose text is one of `texts`: whether a cell is bad depends on its text alone, so this is
 * the first bad one.
 */
export async function locate(
  config: TableConfig,
  files: OpenedFiles,
  relation: Relation,
  key: string,
  reference: ColumnReference | undefined,
  texts: ReadonlySet<string>,
): Promise<{ place: string; text?: string }> {
  const [anyText] = texts;
  for (const path of files.paths) {
    const file = files.nameOf(path);
    if (!isScannable(config, path)) continue;
    if (config.format === "jsonl") {
      for await (const { line, text } of scanLines(path, config.encoding)) {
        const value = jsonField(text, reference);
        if (reference === undefined ? value === undefined : value !== undefined && texts.has(value)) {
          return {
            place: `${file}:${line}, column ${key === "" ? 1 : key}`,
            ...(value !== undefined && { text: value }),
          };
        }
      }
      continue;
    }
    const position = relation.positions?.[key];
    if (position === undefined) break;
    let isHeader = config.header;
    for await (const { line, fields } of scanRecords(path, config)) {
      const text = fields[position] ?? "";
      if (!isHeader && texts.has(text)) {
        return { place: `${file}:${line}, column ${position + 1} (${key})`, text };
      }
      isHeader = false;
    }
  }
  return {
    place: `${files.nameOf(files.paths[0]!)}, column ${key}`,
    ...(anyText !== undefined && { text: anyText }),
  };
}

/** The text of a field as DuckDB extracts it; undefined for what is no JSON object; "" for a missing one. */
function jsonField(line: string, reference: ColumnReference | undefined): string | undefined {
  if (line === "") return "";
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    const value = (parsed as Record<string, unknown>)[String(reference)];
    if (value === undefined || value === null) return "";
    return typeof value === "string" ? value : JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** The number of the first line from `line` on that is not blank. */
export async function rowPlace(path: string, config: TableConfig, line: number): Promise<number> {
  if (!isScannable(config, path)) return line;
  for await (const { line: at, text } of scanLines(path, config.encoding))
    if (at >= line && text !== "") return at;
  return line;
}

/** The place of the first line break that differs from that of the first line; undefined when all are alike. */
export async function locateLineBreak(config: TableConfig, files: OpenedFiles): Promise<string | undefined> {
  for (const path of files.paths) {
    if (!isScannable(config, path)) continue;
    let usual: string | undefined;
    for await (const { line, text, lineBreak } of scanLines(path, config.encoding)) {
      usual ??= lineBreak;
      if (lineBreak !== usual && lineBreak !== "")
        return `${files.nameOf(path)}:${line}, column ${text.length + 1}`;
    }
  }
  return undefined;
}

function isScannable(config: TableConfig, path: string): boolean {
  return config.format !== "parquet" && !isRemote(path) && !path.endsWith(".zst");
}
