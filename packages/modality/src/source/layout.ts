import { CorellaError, nearestName } from "@corella/errors";
import type { ColumnReference, TableConfig } from "./config.ts";
import type { TextFile } from "./bytes.ts";
import { emptyFile } from "./files.ts";
import type { HeadingReader } from "./heading.ts";
import { readRecords, type TextRecord } from "./records.ts";

/** Where the wanted columns stand in one file of delimited text. */
export interface FileLayout {
  file: TextFile;
  /** How many columns its records have. */
  count: number;
  /** Position by key. */
  positions: Record<string, number>;
}

/**
 * Where the wanted columns stand in each file of a table: by the names of its own header, or by position.
 * @param wanted columns by key
 * @param headingOf tells records that are no rows
 * @throws CorellaError `data/unknown-column`, `data/ambiguous-column`, `data/headers-differ`, `data/empty-file`
 */
export async function layOut(
  table: string,
  config: TableConfig,
  files: readonly TextFile[],
  wanted: Readonly<Record<string, ColumnReference>>,
  headingOf: HeadingReader,
): Promise<FileLayout[]> {
  const layouts: FileLayout[] = [];
  let first: { header: string[]; count: number } | undefined;
  for (const file of files) {
    if (!config.header && first !== undefined) {
      layouts.push({ ...layouts[0]!, file }); // without headers all are alike, or their rows are bad
      continue;
    }
    const records = await peek(file, config, headingOf, config.header ? 20 : 100);
    if (records.length === 0) throw emptyFile(file.name);
    if (config.header && records[0]!.fields.length === 0) throw badHeader(file.name, records[0]!.line);
    const header = config.header ? records[0]!.fields : [];
    const count = config.header ? header.length : usualCount(records, config, wanted);
    const positions: Record<string, number> = {};
    for (const [key, column] of Object.entries(wanted)) {
      const position = typeof column === "number" ? column : header.indexOf(column);
      if (position < 0 || position >= count) {
        const where = `${file.name}:${records[0]!.line}`;
        if (first === undefined) throw unknown(table, key, column, where, header, count, records);
        throw headersDiffer(files[0]!, first.header, file, header);
      }
      if (typeof column === "string" && header.lastIndexOf(column) !== position) {
        throw ambiguous(table, key, column, `${file.name}:${records[0]!.line}`, header);
      }
      if (typeof column === "number" && first !== undefined && first.header[column] !== header[column]) {
        throw headersDiffer(files[0]!, first.header, file, header);
      }
      positions[key] = position;
    }
    first ??= { header, count };
    layouts.push({ file, count, positions });
  }
  return layouts;
}

/** The first records of a file. */
async function peek(
  file: TextFile,
  config: TableConfig,
  headingOf: HeadingReader,
  most: number,
): Promise<TextRecord[]> {
  const records: TextRecord[] = [];
  const handlers = {
    mayBe: () => true,
    record: (record: TextRecord) => {
      const isHeader = config.header && records.length === 0;
      if (records.length < most && (isHeader || headingOf(record.fields) === undefined)) records.push(record);
    },
    bad: ({ line }: { line: number }) =>
      void (records.length === 0 && config.header && records.push({ line, fields: [], lines: 1 })),
  };
  for await (const _ of readRecords(file, config, handlers)) if (records.length >= most) break;
  return records;
}

/** How many fields most of the records have; the fewest, of those that have the wanted ones, where the last takes the rest. */
function usualCount(
  records: readonly TextRecord[],
  { lastTakesRest }: TableConfig,
  wanted: Readonly<Record<string, ColumnReference>>,
): number {
  if (lastTakesRest) {
    const needed = Math.max(...Object.values(wanted).map((column) => Number(column) + 1));
    const enough = records.map(({ fields }) => fields.length).filter((count) => count >= needed);
    if (enough.length > 0) return Math.min(...enough);
  }
  const counts = new Map<number, number>();
  for (const { fields } of records) counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1);
  const [most] = [...counts].sort(([, timesA], [, timesB]) => timesB - timesA);
  return most![0];
}

function badHeader(name: string, line: number): CorellaError {
  return new CorellaError({
    code: "data/bad-row",
    message:
      "The header cannot be read: a quote is not closed or text follows it, or it is no text of the encoding.",
    place: `${name}:${line}`,
    remedy:
      'Correct the line, blanks between quotes and delimiters too, or set quote: "" where quotes are ordinary characters.',
  });
}

function headersDiffer(
  file: TextFile,
  header: string[],
  other: TextFile,
  otherHeader: string[],
): CorellaError {
  return new CorellaError({
    code: "data/headers-differ",
    message: `The headers differ: ${file.name} has ${shown(header)}, but ${other.name} has ${shown(otherHeader)}.`,
    place: `${other.name}:1`,
    remedy: "Give every file the same names, in any order, or name the files as sources of their own.",
  });
}

function shown(header: readonly string[]): string {
  return JSON.stringify(header.slice(0, 20).join(", ").slice(0, 300));
}

function ambiguous(
  table: string,
  key: string,
  column: string,
  place: string,
  header: readonly string[],
): CorellaError {
  const positions = [...header.keys()].filter((position) => header[position] === column);
  return new CorellaError({
    code: "data/ambiguous-column",
    message: `The header has "${column}" ${positions.length} times, at the positions ${positions.join(", ")}.`,
    place,
    remedy: `Say which is meant by its position in data.source.${table}.columns.${key}.`,
  });
}

function unknown(
  table: string,
  key: string,
  column: ColumnReference,
  place: string,
  header: readonly string[],
  count: number,
  records: readonly TextRecord[],
): CorellaError {
  const later = typeof column === "string" && records.slice(1).find(({ fields }) => fields.includes(column));
  if (typeof later === "object") {
    return new CorellaError({
      code: "data/unknown-column",
      message: `The first line is no header with "${column}", but line ${later.line} has that name.`,
      place,
      remedy: "Remove the lines above the header.",
    });
  }
  return unknownColumn(table, key, column, place, header, count);
}

/** The error for a column that a file does not have. */
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
