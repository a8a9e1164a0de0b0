import { CorellaError } from "@corella/errors";
import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TableConfig } from "../config.ts";
import type { OpenedFiles } from "./files.ts";

/** A list in memory is several times as large as its file. */
const mostBytes = 512 * 2 ** 20;

/**
 * Files that hold one JSON list of objects, as lines in a scratch folder; files of other formats stay as they are.
 * @returns the files, and the config with the format that they then have
 * @throws CorellaError `data/unreadable` for what is no list of objects
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
    // Its own name at the end, since parts go by names.
    const lines = join(scratchFolder, `${table}-${index}-lines`, basename(path));
    await writeLines(lines, await readList(path, name));
    names.set(lines, name);
  }
  return {
    config: { ...config, format: "jsonl" },
    files: { ...files, paths: [...names.keys()], nameOf: (path) => names.get(path) ?? files.nameOf(path) },
  };
}

async function readList(path: string, name: string): Promise<readonly object[]> {
  const fail = (problem: string, cause?: unknown): CorellaError =>
    new CorellaError({
      code: "data/unreadable",
      message: `The file is not one JSON list of objects: ${problem}`,
      place: name,
      remedy:
        "Objects line by line are `format: jsonl`; a list within an object can be cut out with jq -c '.name[]'.",
      cause,
    });
  if (path.includes("://")) throw fail("it is not on this machine.");
  const bytes = await readFile(path);
  if (bytes.length > mostBytes) throw fail("it is larger than 512 MiB; bring it line by line.");
  let list: unknown;
  try {
    list = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, ""));
  } catch (cause) {
    throw fail((cause as Error).message, cause);
  }
  if (!Array.isArray(list)) throw fail("it begins with something else.");
  const other = list.findIndex((row) => typeof row !== "object" || row === null || Array.isArray(row));
  if (other >= 0) throw fail(`its element ${other + 1} is none.`);
  return list as object[];
}

async function writeLines(path: string, rows: readonly object[]): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  const lines = function* (): Generator<string> {
    for (const row of rows) yield `${JSON.stringify(row)}\n`;
  };
  await pipeline(Readable.from(lines()), createWriteStream(path));
}
