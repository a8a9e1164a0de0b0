import { CorellaError } from "@corella/errors";
import type { TableConfig } from "./config.ts";
import type { TextFile } from "./bytes.ts";

type Encoding = TableConfig["encoding"];

/** Windows-1252 from 0x80 to 0x9f, after the WHATWG's Encoding standard; NUL where it has no character. */
const windows1252 = "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ";

/** A byte that no UTF-8 has: it stands for what an encoding does not know, so that its line is found. */
const unknown = Buffer.of(0xff);

/**
 * Text of any encoding as UTF-8, without the mark of byte order at its start. What the encoding does not know becomes bytes
 * that are no UTF-8.
 * @throws CorellaError `data/encoding` where the file begins like one of another encoding, `data/not-text` where it is no text
 */
export async function* toUtf8(
  file: TextFile,
  encoding: Encoding,
  bytes: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  let recode: Recode | undefined;
  for await (const chunk of bytes) {
    if (recode !== undefined) yield recode(chunk);
    else {
      const mark = markOf(chunk);
      refuseWrong(file, encoding, mark, chunk);
      recode = recoderOf(encoding, mark, chunk);
      const start = mark === undefined ? 0 : mark === "utf-8" ? 3 : 2;
      yield recode(chunk.subarray(start));
    }
  }
  const rest = recode?.(undefined);
  if (rest !== undefined && rest.length > 0) yield rest;
}

/** From a piece of a file to UTF-8; undefined stands for its end. */
type Recode = (chunk: Buffer | undefined) => Buffer;

function recoderOf(encoding: Encoding, mark: Mark | undefined, start: Buffer): Recode {
  if (encoding === "latin1") return (chunk) => fromBytes(chunk, undefined);
  if (encoding === "cp1252") return (chunk) => fromBytes(chunk, windows1252);
  if (encoding === "utf-8" && (mark === undefined || mark === "utf-8")) {
    return (chunk) => chunk ?? Buffer.alloc(0);
  }
  // Without a mark: text begins with a character of ASCII, whose high byte is 0.
  return fromUtf16(mark === "utf-16be" || (mark === undefined && start[0] === 0));
}

function fromBytes(chunk: Buffer | undefined, table: string | undefined): Buffer {
  if (chunk === undefined) return Buffer.alloc(0);
  const text = chunk.toString("latin1");
  const known =
    table === undefined
      ? text
      : text.replaceAll(/[\x80-\x9f]/g, (character) => {
          const meant = table[character.charCodeAt(0) - 0x80]!;
          return meant === "\0" ? character : meant;
        });
  return withUnknown(known, /[\x80-\x9f]/);
}

function fromUtf16(isBigEndian: boolean): Recode {
  let rest: Buffer = Buffer.alloc(0); // half a character
  return (chunk) => {
    if (chunk === undefined) return rest.length > 0 ? unknown : rest;
    const bytes = Buffer.concat([rest, chunk]);
    let end = bytes.length - (bytes.length % 2);
    const lastHigh = end < 2 ? 0 : bytes[isBigEndian ? end - 2 : end - 1]!;
    if (lastHigh >= 0xd8 && lastHigh < 0xdc) end -= 2; // the first half of a pair
    rest = Buffer.from(bytes.subarray(end));
    const whole = Buffer.from(bytes.subarray(0, end));
    if (isBigEndian) whole.swap16();
    return withUnknown(whole.toString("utf16le"), /[\ud800-\udfff]/u);
  };
}

/** UTF-8 with the byte `unknown` for what matches. */
function withUnknown(text: string, pattern: RegExp): Buffer {
  if (!pattern.test(text)) return Buffer.from(text, "utf8");
  const pieces = text.split(pattern).map((piece) => Buffer.from(piece, "utf8"));
  return Buffer.concat(pieces.flatMap((piece, index) => (index === 0 ? [piece] : [unknown, piece])));
}

type Mark = "utf-8" | "utf-16le" | "utf-16be";

/** What a mark of byte order says. */
function markOf(start: Buffer): Mark | undefined {
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return "utf-8";
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  return start[0] === 0xfe && start[1] === 0xff ? "utf-16be" : undefined;
}

function refuseWrong({ name }: TextFile, encoding: Encoding, mark: Mark | undefined, start: Buffer): void {
  const meant = mark?.slice(0, 6) as "utf-8" | "utf-16" | undefined;
  // A mark of UTF-16 is no UTF-8, so it may be believed.
  if (meant !== undefined && meant !== encoding && !(encoding === "utf-8" && meant === "utf-16")) {
    throw wrongEncoding(name, `it begins with the mark of ${meant.toUpperCase()}`, meant);
  }
  if (meant === "utf-16" || encoding === "utf-16") return;
  const sample = start.subarray(0, 1024);
  const zeros = (parity: number): number =>
    sample.filter((byte, at) => byte === 0 && at % 2 === parity).length;
  const most = Math.max(zeros(0), zeros(1));
  if (most > 8 && most > sample.length / 4 && Math.min(zeros(0), zeros(1)) === 0) {
    throw wrongEncoding(name, "every other byte is 0", "utf-16");
  }
  const controls = sample.filter((byte) => byte < 9 || (byte > 13 && byte < 32 && byte !== 27)).length;
  if (controls > 4 && controls > sample.length / 10) {
    throw new CorellaError({
      code: "data/not-text",
      message: `${name} is not text: ${controls} of its first ${sample.length} bytes are control characters.`,
      place: name,
      remedy: "Export it as CSV, JSON lines or Parquet.",
    });
  }
}

function wrongEncoding(name: string, what: string, meant: Encoding): CorellaError {
  return new CorellaError({
    code: "data/encoding",
    message: `${name} is ${meant.toUpperCase()}: ${what}.`,
    place: `${name}:1`,
    remedy: `Set \`encoding: ${meant}\`.`,
  });
}

/** What is wrong with a line that has bytes which the encoding does not know. */
export function encodingComplaint(encoding: Encoding): string {
  if (encoding === "utf-8") return "text is not UTF-8 (is it latin1 or cp1252?)";
  if (encoding === "latin1")
    return "a byte from 0x80 to 0x9f stands for no character of Latin-1 (is it cp1252?)";
  return encoding === "cp1252" ? "a byte stands for no character of Windows-1252" : "text is not UTF-16";
}
