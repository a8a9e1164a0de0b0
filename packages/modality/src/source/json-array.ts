import { CorellaError } from "@corella/errors";
import { isUtf8 } from "node:buffer";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TableConfig } from "./config.ts";
import { readBytes } from "./bytes.ts";
import { encodingComplaint, toUtf8 } from "./encodings.ts";
import type { OpenedFiles } from "./files.ts";
import { type Literal, parseLiteral } from "./literal.ts";

/** A list in memory is several times as large as its file. */
const mostBytes = 512 * 2 ** 20;

/**
 * Files that hold one list, JSON or as Python prints it, as lines of its elements in a scratch folder; files of other formats stay as they are.
 * @returns the files, and the config with the format and encoding that they then have
 * @throws CorellaError `data/unreadable` for what is no list, `data/encoding`; those of `readBytes` and `toUtf8`
 */
export async function withoutJsonLists<Table extends TableConfig>(
  table: string,
  config: Table,
  files: OpenedFiles,
  scratchFolder: string,
): Promise<{ config: Table; files: OpenedFiles }> {
  if (config.format !== "json") return { config, files };
  const names = new Map<string, string>();
  for (const [index, path] of files.paths.entries()) {
    const name = files.nameOf(path);
    // Its own name at the end, since parts go by names; not that of a codec, which the lines have not.
    const lines = join(scratchFolder, `${table}-${index}-lines`, basename(path).replace(/\.(?:gz|zst)$/, ""));
    await mkdir(join(lines, ".."), { recursive: true });
    const text = await readText({ path, name }, config.encoding);
    await pipeline(Readable.from(elementsOf(text, name)), createWriteStream(lines));
    names.set(lines, name);
  }
  return {
    config: { ...config, format: "jsonl", encoding: "utf-8" },
    files: { ...files, paths: [...names.keys()], nameOf: (path) => names.get(path) ?? files.nameOf(path) },
  };
}

async function readText(
  file: { path: string; name: string },
  encoding: TableConfig["encoding"],
): Promise<string> {
  if (file.path.includes("://")) throw noList(file.name, "it is not on this machine.");
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of toUtf8(file, encoding, readBytes(file))) {
    length += piece.length;
    if (length > mostBytes) throw noList(file.name, "it is larger than 512 MiB; bring it line by line.");
    pieces.push(piece);
  }
  const bytes = Buffer.concat(pieces);
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new CorellaError({
    code: "data/encoding",
    message: `The file cannot be read: ${encodingComplaint(encoding)}.`,
    place: file.name,
    remedy: "Set the encoding in which the file was written (utf-8, latin1, cp1252, utf-16).",
  });
}

function noList(place: string, problem: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "data/unreadable",
    message: `The file is not one JSON list of objects: ${problem}`,
    place,
    remedy:
      "Objects line by line are `format: jsonl`; a list within an object can be cut out with jq -c '.name[]'.",
    cause,
  });
}

/** The elements of a list, a line each, in their own spelling: as numbers of JavaScript, long ids would lose digits. */
function* elementsOf(text: string, name: string): Generator<string> {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    const literal = parseLiteral(text);
    if (!Array.isArray(literal)) throw noList(name, (cause as Error).message, cause);
    for (const element of literal as readonly Literal[]) yield `${JSON.stringify(element)}\n`;
    return;
  }
  if (!Array.isArray(list)) throw noList(name, "it begins with something else.");
  // The text is JSON: outside of strings each bracket opens or closes, and a line break is white space.
  let depth = 0;
  let start = text.indexOf("[") + 1;
  const structure = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},]/gs;
  for (const { 0: token, index } of text.matchAll(structure)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    const isEnd = token === "]" && depth === 0;
    if (!isEnd && !(token === "," && depth === 1)) continue;
    const element = text.slice(start, index).trim();
    if (element !== "") yield `${element.replaceAll(/[\r\n]+/g, " ")}\n`;
    start = index + 1;
  }
}
