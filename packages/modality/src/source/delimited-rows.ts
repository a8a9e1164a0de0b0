import type { ColumnReference, Heading, TableConfig } from "./config.ts";
import { identifier } from "./database.ts";
import { FieldReader } from "./fields.ts";
import type { OpenedFiles } from "./files.ts";
import { type HeadingReader, headingReader } from "./heading.ts";
import { type FileLayout, layOut } from "./layout.ts";
import { PartWriter } from "./parts.ts";
import { type BadLine, readRecords } from "./records.ts";
import { Rejects } from "./rejects.ts";
import { broken, linesOfFile, noRows, type TextRows } from "./text-rows.ts";

/** Columns of which no cell can have a line break, whatever the table. */
const oneLine: ReadonlySet<string> = new Set(["user", "item", "rating", "label", "time"]);

/**
 * The rows of files of delimited text. Every line of theirs is blank, a header, part of a row, or counted as rejected.
 * @param wanted columns by the key under which they are selected
 * @param heading lines that tell a further column
 * @throws CorellaError those of `layOut` and `readRecords`
 */
export async function delimitedRows(
  table: string,
  config: TableConfig,
  opened: OpenedFiles,
  wanted: Readonly<Record<string, ColumnReference>>,
  heading?: Heading,
): Promise<TextRows> {
  const headingOf = headingReader(heading, config.delimiter);
  const files = opened.paths.map((path) => ({ path, name: opened.nameOf(path) }));
  const layouts = await layOut(table, config, files, wanted, headingOf);
  const keys = [...Object.keys(wanted), ...(heading === undefined ? [] : [heading.column])];
  const rejects = new Rejects(config);
  const missing = new Set(config.missing);
  async function* parts(): AsyncGenerator<string, void, undefined> {
    const writer = new PartWriter(opened.scratchFolder, table, keys.length);
    const select = (cells: string[]): string =>
      `${cells.map((cell, index) => `${cell} AS ${identifier(keys[index]!)}`).join(", ")}, false AS ${broken}`;
    try {
      for (const [number, layout] of layouts.entries()) {
        const { file, count } = layout;
        const positions = Object.keys(wanted).map((key) => layout.positions[key]!);
        let told: string | undefined; // by the latest heading
        let isHeader = config.header;
        const handlers = {
          mayBe: rowCheck(config, layout, headingOf),
          record: ({ line, fields }: { line: number; fields: string[] }): void => {
            const tells = isHeader ? undefined : headingOf(fields);
            if (isHeader) isHeader = false;
            else if (tells !== undefined) told = tells;
            else if (fields.length < count || (fields.length > count && !config.lastTakesRest))
              rejects.columns(file.name, line, fields, count);
            else {
              writer.begin(number * linesOfFile + line);
              for (const position of positions) {
                const isLast = position === count - 1 && fields.length > count;
                const cell = isLast ? fields.slice(position).join(config.delimiter) : fields[position]!;
                writer.cell(missing.has(cell) ? "" : cell);
              }
              if (heading !== undefined) writer.cell(told ?? "");
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
      const position = positions[key];
      const column = position === undefined ? key : `${position + 1} (${key})`;
      return `${file.name}:${at % linesOfFile}, column ${column}`;
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
  headingOf: HeadingReader,
): (fields: readonly string[], others: readonly string[]) => boolean {
  const reader = new FieldReader(config);
  const keys = Object.entries(positions).filter(([key]) => oneLine.has(key));
  const alike = keys.filter(([key]) => keys.length === 1 || key !== "item").map(([, position]) => position);
  return (fields, others) => {
    if (fields.length !== count || keys.some(([, position]) => fields[position]!.includes("\n")))
      return false;
    const looksLikeRow = (cells: readonly string[], places: readonly number[]): boolean =>
      cells.length === count &&
      places.length > 0 &&
      places.every((position) => shapeOf(cells[position]!) === shapeOf(fields[position]!));
    const open = fields.findIndex((field) => field.includes("\n"));
    const begun = fields[open]!.split("\n", 1)[0]!.split(config.delimiter);
    if (
      looksLikeRow(
        [...fields.slice(0, open), ...begun],
        alike.filter((position) => position > open),
      )
    )
      return false;
    const closed = fields.findLastIndex((field) => field.includes("\n"));
    return !others.some((line, at) => {
      if (reader.begin(line) !== "whole") return false;
      // Behind the quote that ends the record its last line has the record's own cells, which are like themselves.
      const isLast = at === others.length - 1;
      const inQuotes = isLast ? alike.filter((position) => position < closed) : alike;
      return headingOf(reader.fields) !== undefined || looksLikeRow(reader.fields, inQuotes);
    });
  };
}

/** What ids and numbers of a column have in common: empty or not, with digits or not, with blanks or not. */
function shapeOf(cell: string): string {
  return `${cell === ""} ${/\d/.test(cell)} ${/\s/.test(cell)}`;
}
