import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import type { TableConfig } from "../config.ts";

/** A record of a delimited text file and the line, from 1, on which it begins. */
export interface TextRecord {
  line: number;
  fields: string[];
}

/**
 * Reads delimited text record by record, as DuckDB does, but slower and knowing where it is: used only to find the
 * header and the place of a mistake. Blank lines are no records.
 */
export async function* scanRecords(
  path: string,
  { delimiter, quote, encoding }: Pick<TableConfig, "delimiter" | "quote" | "encoding">,
): AsyncGenerator<TextRecord, void, undefined> {
  let open = ""; // text of a record that a quoted line break keeps open
  let openLine = 0;
  for await (const { line, text } of scanLines(path, encoding)) {
    const record: string = open === "" ? text : `${open}\n${text}`;
    const startLine = open === "" ? line : openLine;
    const fields = splitFields(record, delimiter, quote);
    if (fields === undefined && record.length < 1_000_000) {
      open = record;
      openLine = startLine;
      continue;
    }
    open = "";
    if (record !== "") yield { line: startLine, fields: fields ?? record.split(delimiter) };
  }
  if (open !== "") yield { line: openLine, fields: open.split(delimiter) };
}

/** Lines without their break; \n, \r\n and \r end a line. */
export async function* scanLines(
  path: string,
  encoding: "utf-8" | "latin1",
): AsyncGenerator<{ line: number; text: string; lineBreak: string }, void, undefined> {
  const file = createReadStream(path);
  const bytes = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
  const decoder = new TextDecoder(encoding === "latin1" ? "latin1" : "utf-8");
  let rest = "";
  let line = 0;
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    rest += decoder.decode(chunk, { stream: true });
    let start = 0;
    const breaks = /\r\n|\n|\r(?=[^\n])/g; // a final \r waits for the next chunk
    for (let match = breaks.exec(rest); match !== null; match = breaks.exec(rest)) {
      yield { line: ++line, text: rest.slice(start, match.index), lineBreak: match[0] };
      start = match.index + match[0].length;
    }
    rest = rest.slice(start);
  }
  rest += decoder.decode();
  if (rest.endsWith("\r")) yield { line: ++line, text: rest.slice(0, -1), lineBreak: "\r" };
  else if (rest !== "") yield { line: ++line, text: rest, lineBreak: "" };
}

/** The fields of a record; undefined when a quote stays open. */
function splitFields(text: string, delimiter: string, quote: string): string[] | undefined {
  if (quote === "" || !text.includes(quote)) return text.split(delimiter);
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text.startsWith(quote, at)) {
      let field = "";
      at++;
      for (;;) {
        const end = text.indexOf(quote, at);
        if (end < 0) return undefined;
        field += text.slice(at, end);
        at = end + 1;
        if (!text.startsWith(quote, at)) break; // else a doubled quote
        field += quote;
        at++;
      }
      const next = text.indexOf(delimiter, at);
      fields.push(field + text.slice(at, next < 0 ? undefined : next));
      if (next < 0) return fields;
      at = next + delimiter.length;
    } else {
      const next = text.indexOf(delimiter, at);
      fields.push(text.slice(at, next < 0 ? undefined : next));
      if (next < 0) return fields;
      at = next + delimiter.length;
    }
  }
}
