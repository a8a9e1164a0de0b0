import { isUtf8 } from "node:buffer";
import type { TableConfig } from "./config.ts";
import { readBytes, type TextFile } from "./bytes.ts";
import { toUtf8 } from "./encodings.ts";

/** Some lines of a text file, without their breaks. */
export interface Lines {
  /** The number of the first of them, from 1. */
  first: number;
  texts: string[];
  /** What is wrong with lines whose bytes are no text, by place in `texts`. */
  complaints: ReadonlyMap<number, LineComplaint>;
}

/** Why a line is no text: bytes that its encoding does not know, or its length. */
export type LineComplaint = "encoding" | "long";

/** The most characters of a record. */
export const longestRecord = 2_000_000;

/**
 * The lines of a file, some thousands at a time. `\n` and `\r\n` end a line, `\r` does in a file that has no `\n`, and else is
 * an ordinary character. A byte order mark is no text.
 * @throws CorellaError of `readBytes` and `toUtf8`
 */
export async function* readLines(
  file: TextFile,
  encoding: TableConfig["encoding"],
): AsyncGenerator<Lines, void, undefined> {
  let rest: Buffer = Buffer.alloc(0); // of a line whose end is still to come
  let isLong = false; // whether most of that line was dropped
  let isMac: boolean | undefined; // whether \r ends lines
  let first = 1;
  for await (const piece of toUtf8(file, encoding, readBytes(file))) {
    const bytes: Buffer = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    isMac ??= endsLinesLikeMac(bytes);
    const end: number = isMac === undefined ? 0 : endOfLines(bytes, isMac);
    if (end > 0) {
      const lines: Lines = cut(bytes.subarray(0, end), isMac === true, first, isLong);
      first += lines.texts.length;
      isLong = false;
      yield lines;
    }
    rest = bytes.subarray(end);
    if (rest.length > 2 * longestRecord) {
      rest = Buffer.from(rest.subarray(0, 100)); // joined with every further piece, a line without an end would cost its square
      isLong = true;
    }
  }
  if (rest.length > 0) yield cut(rest, isMac ?? rest.includes(13), first, isLong);
}

/** Undefined while too little was seen. */
function endsLinesLikeMac(bytes: Buffer): boolean | undefined {
  if (bytes.includes(10)) return false;
  return bytes.length > 1 << 16 && bytes.includes(13) ? true : undefined;
}

/** Where the last whole line ends. */
function endOfLines(bytes: Buffer, isMac: boolean): number {
  if (!isMac) return bytes.lastIndexOf(10) + 1;
  // A final \r may be the first half of \r\n.
  return Math.max(bytes.lastIndexOf(10), bytes.lastIndexOf(13, bytes.length - 2)) + 1;
}

function cut(bytes: Buffer, isMac: boolean, first: number, isLong: boolean): Lines {
  const complaints = new Map<number, LineComplaint>();
  const texts: string[] = isMac ? bytes.toString("utf8").split(/\r\n|\r|\n/) : [];
  if (isMac) {
    if (texts.at(-1) === "") texts.pop();
    if (!isUtf8(bytes))
      texts.forEach((text, at) => text.includes("\ufffd") && complaints.set(at, "encoding"));
  } else if (isUtf8(bytes)) {
    const text = bytes.toString("utf8");
    for (let start = 0; start < text.length;) {
      const end = text.indexOf("\n", start);
      texts.push(withoutBreak(text, start, end < 0 ? text.length : end));
      start = end < 0 ? text.length : end + 1;
    }
  } else {
    for (let start = 0; start < bytes.length;) {
      const found = bytes.indexOf(10, start);
      const end = found < 0 ? bytes.length : found;
      const line = bytes.subarray(start, end);
      if (!isUtf8(line)) complaints.set(texts.length, "encoding");
      const text = line.toString("utf8");
      texts.push(withoutBreak(text, 0, text.length));
      start = end + 1;
    }
  }
  for (const [at, text] of texts.entries()) if (text.length > longestRecord) complaints.set(at, "long");
  if (isLong) complaints.set(0, "long");
  return { first, texts, complaints };
}

function withoutBreak(text: string, start: number, end: number): string {
  return text.slice(start, end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end);
}
