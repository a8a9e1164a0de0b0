import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import type { TableConfig } from "./config.ts";
import { download, isRemote } from "./remote.ts";
import { extractMember } from "./zip.ts";

/** The files of a table, ready for DuckDB. */
export interface OpenedFiles {
  paths: string[];
  /** How messages name a file: as the user does. */
  nameOf(path: string): string;
  /** Where files on the way may lie, until the tables are read. */
  scratchFolder: string;
}

/** Whether a path names several files by a pattern. */
export function isGlob(path: string): boolean {
  return /[*?[\]]/.test(path);
}

/**
 * Finds the files of a table: URLs are fetched, globs are expanded, a zip's member is unpacked into `scratchFolder`.
 */
export async function openFiles(
  connection: DuckDBConnection,
  table: string,
  config: TableConfig,
  baseFolder: string,
  scratchFolder: string,
): Promise<OpenedFiles> {
  if (isRemote(config.path)) {
    // Parquet in object stores alone is left where it lies: DuckDB reads of it what is wanted.
    if (config.format === "parquet" && !config.path.startsWith("http")) {
      return { paths: [config.path], nameOf: (path) => path, scratchFolder };
    }
    const copies = await download(connection, table, config.path, scratchFolder);
    if (copies.size === 0) throw missing(config.path, config, `data.source.${table}.path`);
    return { paths: [...copies.keys()], nameOf: (path) => copies.get(path)!, scratchFolder };
  }
  const path = isAbsolute(config.path) ? config.path : resolve(baseFolder, config.path);
  const place = `data.source.${table}.path`;
  if (config.member !== undefined || path.endsWith(".zip")) {
    await requireFile(path, config, place);
    const { member } = config;
    if (member === undefined) {
      throw new CorellaError({
        code: "data/zip-member",
        message: `${path} is a zip, but which of its files is meant?`,
        place,
        remedy: "Add `member: <name of the file inside>`.",
      });
    }
    const unpacked = join(scratchFolder, table);
    await extractMember(path, member, createWriteStream(unpacked), place);
    return { paths: [unpacked], nameOf: () => `${path}!${member}`, scratchFolder };
  }
  const paths = isGlob(path) ? await expandGlob(connection, path) : [path];
  if (paths.length === 0) throw missing(path, config, place);
  for (const file of paths) await requireFile(file, config, place);
  return { paths, nameOf: (file) => file, scratchFolder };
}

/** The files that match a pattern, sorted. */
export async function expandGlob(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  const reader = await connection.runAndReadAll("SELECT file FROM glob($pattern) ORDER BY file", { pattern });
  return reader.getRows().map(([file]) => String(file));
}

async function requireFile(path: string, config: TableConfig, place: string): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) throw missing(path, config, place);
  if (!status.isFile()) {
    throw new CorellaError({
      code: "data/not-a-file",
      message: `${path} is a folder.`,
      place,
      remedy: "Name the file in it, or a glob such as folder/*.csv.",
    });
  }
  if (status.size === 0) throw emptyFile(path);
}

/** The error for a file without content. */
export function emptyFile(path: string): CorellaError {
  return new CorellaError({
    code: "data/empty-file",
    message: `${path} is empty.`,
    place: `${path}:1, column 1`,
    remedy: "Was the download or export finished?",
  });
}

function missing(path: string, config: TableConfig, place: string): CorellaError {
  return new CorellaError({
    code: "data/missing-file",
    message: `There is no ${path}.`,
    place,
    remedy: config.whereToGet ?? "Correct the path; relative ones start at the folder of the config.",
  });
}
