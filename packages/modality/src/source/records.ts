import { CorellaError } from "@corella/errors";
import type { TableConfig } from "./config.ts";
import type { TextFile } from "./bytes.ts";
import { FieldReader } from "./fields.ts";
import { type LineComplaint, longestRecord, readLines } from "./lines.ts";

/** A record of delimited text: the line, from 1, on which it begins, its fields, and how many lines it takes. */
export interface TextRecord {
  line: number;
  fields: string[];
  lines: number;
}

/** A line that is no record, and the position of the field at which that is seen. */
export interface BadLine {
  line: number;
  kind: LineComplaint | "quote";
  position: number;
}

/** What a reader of records is told. Each line of the file is blank, of a record, or bad. */
export interface RecordHandlers {
  /**
   * Whether a record of several lines, with the lines after its first, may be one: if not, its first line is bad, and the
   * others are read by themselves.
   */
  mayBe(fields: readonly string[], others: readonly string[]): boolean;
  record(record: TextRecord): void;
  bad(line: BadLine): void;
}

/**
 * Reads delimited text record by record, and stops after each some thousand lines. A quote that is never closed, or that text follows, spoils its own line alone: reading goes
 * on with the next. Blank lines, and `sep=;` as Excel writes it first, are no records.
 * @throws CorellaError `data/delimiter` where `sep=` names another one; those of `readLines`
 */
export async function* readRecords(
  file: TextFile,
  config: Pick<TableConfig, "delimiter" | "quote" | "escape" | "encoding">,
  handlers: RecordHandlers,
): AsyncGenerator<void, void, undefined> {
  const reader = new FieldReader(config);
  let waiting: { first: number; texts: string[]; complaints: Map<number, LineComplaint> } | undefined;
  const take = (isEnd: boolean): void => {
    if (waiting === undefined) return;
    const { first, texts, complaints } = waiting;
    let at = first === 1 ? linesOfSeparator(file, config.delimiter, texts[0]!) : 0;
    while (at < texts.length) {
      const taken = takeRecord(at, isEnd);
      if (taken === 0) break; // an open quote: more lines are needed
      at += taken;
    }
    const left = new Map(
      [...complaints].filter(([place]) => place >= at).map(([place, kind]) => [place - at, kind]),
    );
    waiting =
      at === texts.length ? undefined : { first: first + at, texts: texts.slice(at), complaints: left };
  };
  /** Takes the record that begins at a place of `waiting`; returns how many lines are done with. */
  const takeRecord = (at: number, isEnd: boolean): number => {
    const { first, texts, complaints } = waiting!;
    const text = texts[at]!;
    if (text === "" || (text.trim() === "" && !text.includes(config.delimiter))) return 1;
    const line = first + at;
    const complaint = complaints.get(at);
    if (complaint !== undefined) {
      handlers.bad({ line, kind: complaint, position: 0 });
      return 1;
    }
    let outcome = reader.begin(text);
    const position = reader.fields.length; // of the field that a quote keeps open
    let lines = 1;
    let length = text.length;
    while (outcome === "open" && at + lines < texts.length) {
      const next = texts[at + lines]!;
      length += next.length + 1;
      if (complaints.has(at + lines) || length > longestRecord) outcome = "bad";
      else {
        outcome = reader.go(next);
        lines++;
      }
    }
    if (outcome === "open" && !isEnd) return 0;
    const { fields } = reader;
    if (outcome !== "whole" || (lines > 1 && !handlers.mayBe(fields, texts.slice(at + 1, at + lines)))) {
      handlers.bad({ line, kind: "quote", position: outcome === "whole" ? position : fields.length });
      return 1;
    }
    handlers.record({ line, fields, lines });
    return lines;
  };
  for await (const { first, texts, complaints } of readLines(file, config.encoding)) {
    if (waiting === undefined) waiting = { first, texts, complaints: new Map(complaints) };
    else {
      for (const [place, kind] of complaints) waiting.complaints.set(waiting.texts.length + place, kind);
      waiting.texts = waiting.texts.concat(texts);
    }
    take(false);
    yield;
  }
  take(true);
  yield;
}

/** How many lines Excel's `sep=;` takes at the start of a file. */
function linesOfSeparator(file: TextFile, delimiter: string, text: string): 0 | 1 {
  const named = /^sep=(.)$/i.exec(text)?.[1];
  if (named === undefined) return 0;
  if (named === delimiter) return 1;
  throw new CorellaError({
    code: "data/delimiter",
    message: `The file says that its delimiter is ${JSON.stringify(named)}, not ${JSON.stringify(delimiter)}.`,
    place: `${file.name}:1`,
    remedy: `Set \`delimiter: ${JSON.stringify(named)}\`.`,
  });
}
