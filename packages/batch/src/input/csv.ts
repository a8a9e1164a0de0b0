import { createReadStream } from "node:fs";
import { CorellaError } from "@corella/errors";
import type { Attributes } from "@corella/modality";
import type { Columns } from "../columns.ts";
import type { Shard } from "../plan-format.ts";
import type { InputRow } from "./row.ts";

const delimiters = [",", ";", "\t", "|"];
const [quote, newline] = [0x22, 0x0a];
/** Bytes of the mark at the beginning of a file. */
const mark = new Set([0xef, 0xbb, 0xbf]);
/** Rows that are handed on at once. */
const blockRows = 2048;

/** A record of a file: its text without the line's end, and where it lies. Quoted fields may have several lines. */
interface CsvRecord {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Records of a part of a file that begins and ends between two of them; empty lines are none. A quote opens a field at its beginning
 * alone: in 7" vinyl it is a character.
 * @param delimiter undefined where the first line is yet to tell it: any that there may be
 */
async function* records(path: string, delimiter?: string, from = 0, to?: number): AsyncGenerator<CsvRecord> {
  const ends = new Set([newline, ...(delimiter === undefined ? delimiters : [delimiter]).map(codeOf)]);
  const stream = createReadStream(path, { start: from, ...(to !== undefined && { end: to - 1 }) });
  let rest: Buffer = Buffer.alloc(0);
  let start = from;
  const cut = (bytes: Buffer): CsvRecord => {
    const record = {
      text: bytes.toString("utf8").replace(/\r?\n?$/, ""),
      from: start,
      to: start + bytes.length,
    };
    start += bytes.length;
    return record;
  };
  /** Whether the field began with a quote, and whether one is open. */
  let [isQuoted, quoted, isBegin] = [false, false, true];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    // What is left was looked at before.
    let at = rest.length;
    const bytes = at === 0 ? chunk : Buffer.concat([rest, chunk]);
    let begun = 0;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === quote) {
        if (isBegin) isQuoted = true;
        if (isQuoted) quoted = !quoted;
      }
      isBegin = !quoted && (ends.has(byte) || (isBegin && mark.has(byte)));
      if (isBegin) isQuoted = false;
      if (byte !== newline || quoted) continue;
      const record = cut(bytes.subarray(begun, at + 1));
      begun = at + 1;
      if (record.text !== "") yield record;
    }
    rest = bytes.subarray(begun);
  }
  if (rest.length > 0) {
    const record = cut(rest);
    if (record.text !== "") yield record;
  }
}

function codeOf(character: string): number {
  return character.charCodeAt(0);
}

/** The fields of a record; undefined where its quotes do not end. */
function fieldsOf(text: string, delimiter: string): string[] | undefined {
  if (!text.includes('"')) return text.split(delimiter);
  const fields: string[] = [];
  for (let at = 0; ; at++) {
    let field = "";
    if (text[at] === '"') {
      for (at++; ; at++) {
        const end = text.indexOf('"', at);
        if (end < 0) return undefined;
        field += text.slice(at, end);
        at = end + 1;
        if (text[at] !== '"') break;
        field += '"';
      }
      if (at < text.length && text[at] !== delimiter) return undefined;
    } else {
      const end = text.indexOf(delimiter, at);
      field = text.slice(at, end < 0 ? undefined : end);
      at = end < 0 ? text.length : end;
    }
    fields.push(field);
    if (at >= text.length) return fields;
  }
}

interface Heading {
  readonly names: readonly string[];
  readonly delimiter: string;
}

async function heading(path: string): Promise<Heading> {
  for await (const { text } of records(path)) {
    const line = text.replace(/^\uFEFF/, "");
    const delimiter = delimiters.find((each) => line.includes(each)) ?? ",";
    return { names: fieldsOf(line, delimiter) ?? [], delimiter };
  }
  throw new CorellaError({
    code: "batch/input",
    message: "The file is empty; its first line should name the columns.",
    place: path,
    remedy: "Write a line such as user,item,time first.",
  });
}

/** The columns of a file, how many rows it has, and where each range of them lies. */
export async function csvRanges(
  path: string,
  shardRows: number,
): Promise<{ names: readonly string[]; rows: number; ranges: Omit<Shard, "input">[] }> {
  const { names, delimiter } = await heading(path);
  const ranges: { start: number; rows: number; bytes: [number, number] }[] = [];
  let rows = -1;
  for await (const { from, to } of records(path, delimiter)) {
    // The first one names the columns.
    if (rows >= 0) {
      if (rows % shardRows === 0) ranges.push({ start: rows, rows: 0, bytes: [from, to] });
      const last = ranges.at(-1)!;
      last.rows += 1;
      last.bytes[1] = to;
    }
    rows += 1;
  }
  return { names, rows, ranges };
}

/**
 * The rows of a shard of a CSV file. A cell without text has no value; what is a number of all columns but user and item is one, where it is
 * spelt as one: 02139 and 1e2 are texts.
 */
export async function* csvRows(path: string, shard: Shard, columns: Columns): AsyncGenerator<InputRow[]> {
  const { names, delimiter } = await heading(path);
  const placeOf = new Map(names.map((name, place) => [name, place]));
  let row = shard.start;
  let block: InputRow[] = [];
  for await (const { text } of records(path, delimiter, ...shard.bytes!)) {
    block.push(rowOf(fieldsOf(text, delimiter), row++, placeOf, columns));
    if (block.length < blockRows) continue;
    yield block;
    block = [];
  }
  if (block.length > 0) yield block;
}

function rowOf(
  fields: readonly string[] | undefined,
  row: number,
  placeOf: ReadonlyMap<string, number>,
  columns: Columns,
): InputRow {
  const none = { row, user: null, item: null, time: null };
  if (fields === undefined) return { ...none, malformed: "a quote does not end, or text follows it" };
  if (fields.length !== placeOf.size)
    return { ...none, malformed: `it has ${fields.length} fields, the first line ${placeOf.size}` };
  const cell = (name: string | undefined): string | null =>
    name === undefined ? null : fields[placeOf.get(name)!]! || null;
  const attributes = (named: Readonly<Record<string, string>>): Attributes | undefined => {
    const values = Object.entries(named).flatMap(([name, column]) => {
      const value = cell(column);
      return value === null ? [] : [[name, plainNumber(value) ?? value] as const];
    });
    return values.length === 0 ? undefined : Object.fromEntries(values);
  };
  const time = cell(columns.time);
  const seconds = time === null ? null : (numberOf(time) ?? Number.NaN);
  const item = cell(columns.item);
  return {
    row,
    user: cell(columns.user),
    item,
    time: Number.isNaN(seconds) ? null : seconds,
    context: attributes(columns.context),
    userAttributes: attributes(columns.userAttributes),
    itemAttributes: attributes(columns.itemAttributes),
    malformed:
      item === null
        ? "it has no item"
        : Number.isNaN(seconds)
          ? `its time "${time!.slice(0, 40)}" is no number of seconds`
          : undefined,
  };
}

function plainNumber(text: string): number | undefined {
  const number = numberOf(text);
  return String(number) === text ? number : undefined;
}

function numberOf(text: string): number | undefined {
  const number = Number(text);
  return text.trim() !== "" && Number.isFinite(number) ? number : undefined;
}
