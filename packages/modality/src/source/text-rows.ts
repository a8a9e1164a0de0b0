import type { ColumnReference, TableConfig } from "../config.ts";
import { identifier, literal } from "./database.ts";
import { encodingComplaint } from "./encodings.ts";
import { FieldReader } from "./fields.ts";
import type { OpenedFiles } from "./files.ts";
import { type FileLayout, layOut } from "./layout.ts";
import { readLines } from "./lines.ts";
import { PartWriter } from "./parts.ts";
import { type BadLine, readRecords } from "./records.ts";

/** Lines that are no rows, by what is wrong with them. */
export interface Rejected {
  reason: string;
  count: number;
  firstPlace: string;
  /** What may be done about it, where that is more than to correct or skip the row. */
  remedy?: string;
}

/** The rows of a table of text. */
export interface TextRows {
  /** SQL of some rows each: `row_at`, the wanted columns as VARCHAR, and `broken` for those that are no record. */
  parts: AsyncIterable<string>;
  /** The lines that were no rows, once the parts were read. */
  rejected(): Rejected[];
  /** Where a row's cell stands, in the user's words. */
  placeOf(at: number, key: string): string;
  /** The names of all fields that occur, those of objects in fields as `a.b`; absent where the columns are known before. */
  fieldNames?(): Promise<string[]>;
}

/** A place is the number of the file times this, plus the line. */
const linesOfFile = 2 ** 40;

/** Columns of which no cell can have a line break, whatever the table. */
const oneLine: ReadonlySet<string> = new Set(["user", "item", "rating", "label", "time"]);

/**
 * The rows of files of delimited text. Every line of theirs is blank, a header, part of a row, or counted as rejected.
 * @param wanted columns by the key under which they are selected
 * @throws CorellaError those of `layOut` and `readRecords`
 */
export async function delimitedRows(
  table: string,
  config: TableConfig,
  opened: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
): Promise<TextRows> {
  const files = opened.paths.map((path) => ({ path, name: opened.nameOf(path) }));
  const layouts = await layOut(table, config, files, wanted);
  const keys = Object.keys(wanted);
  const rejects = new Rejects(config);
  const missing = new Set(config.missing);
  async function* parts(): AsyncGenerator<string, void, undefined> {
    const writer = new PartWriter(opened.scratchFolder, table, keys.length);
    const select = (cells: string[]): string =>
      `${cells.map((cell, index) => `${cell} AS ${identifier(keys[index]!)}`).join(", ")}, false AS broken`;
    try {
      for (const [number, layout] of layouts.entries()) {
        const { file, count } = layout;
        const positions = keys.map((key) => layout.positions[key]!);
        let isHeader = config.header;
        const handlers = {
          mayBe: rowCheck(config, layout),
          record: ({ line, fields }: { line: number; fields: string[] }): void => {
            if (isHeader) isHeader = false;
            else if (fields.length !== count) rejects.columns(file.name, line, fields.length, count);
            else {
              writer.begin(number * linesOfFile + line);
              for (const position of positions) {
                const cell = fields[position]!;
                writer.cell(missing.has(cell) ? "" : cell);
              }
              writer.end();
            }
          },
          bad: (bad: BadLine) => rejects.line(file.name, bad),
        };
        for await (const _ of readRecords(file, config, handlers)) {
          if (await writer.flush()) {
            yield (await writer.take(select))!;
            await writer.remove();
          }
        }
      }
      const last = await writer.take(select);
      yield last ?? noRows(keys);
    } finally {
      await writer.remove();
    }
  }
  return {
    parts: parts(),
    rejected: () => rejects.all(),
    placeOf: (at, key) => {
      const { file, positions } = layouts[Math.floor(at / linesOfFile)]!;
      return `${file.name}:${at % linesOfFile}, column ${positions[key]! + 1} (${key})`;
    },
  };
}

/**
 * Whether a record that takes several lines may be a row. Where a quote was left open by mistake, a quote of a later row may end
 * it: then its columns are too many or too few, an id or number holds a line break, or its other lines are rows by themselves.
 */
function rowCheck(
  config: TableConfig,
  { count, positions }: FileLayout,
): (fields: readonly string[], others: readonly string[]) => boolean {
  const reader = new FieldReader(config);
  const keys = Object.entries(positions).filter(([key]) => oneLine.has(key));
  const alike = keys.filter(([key]) => keys.length === 1 || key !== "item").map(([, position]) => position);
  return (fields, others) => {
    if (fields.length !== count || keys.some(([, position]) => fields[position]!.includes("\n")))
      return false;
    return !others.some(
      (line) =>
        reader.begin(line) === "whole" &&
        reader.fields.length === count &&
        alike.every((position) => shapeOf(reader.fields[position]!) === shapeOf(fields[position]!)),
    );
  };
}

/** What ids and numbers of a column have in common: empty or not, with digits or not, with blanks or not. */
function shapeOf(cell: string): string {
  return `${cell === ""} ${/\d/.test(cell)} ${/\s/.test(cell)}`;
}

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
            const kind = complaints.get(index);
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

function noRows(keys: readonly string[]): string {
  return `SELECT 0::BIGINT AS row_at, ${keys.map((key) => `''::VARCHAR AS ${identifier(key)}`).join(", ")}, false AS broken WHERE false`;
}

/** Counts lines that are no rows, by kind. */
class Rejects {
  readonly #config: TableConfig;
  readonly #byKind = new Map<string, Rejected>();

  constructor(config: TableConfig) {
    this.#config = config;
  }

  columns(file: string, line: number, found: number, expected: number): void {
    const kind = found < expected ? "few" : "many";
    const column = Math.min(found, expected) + 1;
    const rejected = this.#count(kind, `${file}:${line}, column ${column}`);
    rejected.reason ||= `a row has ${found} columns where ${expected} are expected`;
  }

  line(file: string, { line, kind, position }: BadLine): void {
    const rejected = this.#count(kind, `${file}:${line}, column ${position + 1}`);
    if (rejected.reason !== "") return;
    if (kind === "long") rejected.reason = "a line is longer than 2,000,000 characters";
    else if (kind === "encoding") {
      rejected.reason = encodingComplaint(this.#config.encoding);
      rejected.remedy = "Set the encoding in which the file was written (utf-8, latin1, cp1252, utf-16)";
    } else {
      rejected.reason = "a quote is not closed, or text follows it";
      rejected.remedy =
        'Correct the row; set quote: "" where quotes are ordinary characters, or escape where a character before them says so';
    }
  }

  #count(kind: string, firstPlace: string): Rejected {
    const known = this.#byKind.get(kind);
    if (known !== undefined) {
      known.count++;
      return known;
    }
    const made = { reason: "", count: 1, firstPlace };
    this.#byKind.set(kind, made);
    return made;
  }

  all(): Rejected[] {
    return [...this.#byKind.values()];
  }
}
