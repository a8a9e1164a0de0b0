import { CorellaError } from "@corella/errors";
import type { DuckDBConnection } from "@duckdb/node-api";
import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const remote = /^(?:https?|s3|gs|r2|az):\/\//;

/** Whether a path is a URL. */
export function isRemote(path: string): boolean {
  return remote.test(path);
}

/**
 * Brings the files of a URL into a folder, so that they are read, and checked to their end, as others are: from the web by
 * HTTP, from object stores by DuckDB.
 * @returns URL by the path of the copy
 * @throws CorellaError `data/not-fetched`, `data/no-httpfs`
 */
export async function download(
  connection: DuckDBConnection,
  table: string,
  url: string,
  folder: string,
): Promise<Map<string, string>> {
  const nameIn = (number: number, of: string): string =>
    join(folder, `${table}-${number}-${basename(of.replace(/[?#].*$/, "")).replaceAll(/[^\w.-]/g, "_")}`);
  const copies = new Map<string, string>();
  try {
    if (/^https?:/.test(url)) {
      const copy = nameIn(0, url);
      const response = await fetch(url);
      if (!response.ok || response.body === null)
        throw new Error(`${response.status} ${response.statusText}`);
      await pipeline(Readable.fromWeb(response.body), createWriteStream(copy));
      copies.set(copy, url);
    } else {
      const reader = await connection.runAndReadAll("SELECT file FROM glob($url) ORDER BY file", { url });
      for (const [file] of reader.getRows()) {
        const copy = nameIn(copies.size, String(file));
        const content = await connection.runAndReadAll("SELECT content FROM read_blob($file)", {
          file: String(file),
        });
        await writeFile(copy, (content.getRows()[0]![0] as { bytes: Uint8Array }).bytes);
        copies.set(copy, String(file));
      }
    }
  } catch (cause) {
    throw notFetched(table, url, cause);
  }
  return copies;
}

/** The error for a URL that cannot be read. */
export function notFetched(table: string, url: string, cause: unknown): CorellaError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const place = url;
  if (message.includes("'httpfs'") || message.includes("httpfs extension")) {
    return new CorellaError({
      code: "data/no-httpfs",
      message:
        "Object stores are read by DuckDB's extension httpfs, which is not installed and cannot be fetched.",
      place,
      remedy: `Let the machine reach extensions.duckdb.org once, or download the file and name it in data.source.${table}.path.`,
      cause,
    });
  }
  const why =
    cause instanceof Error && cause.cause instanceof Error ? `${message}: ${cause.cause.message}` : message;
  return new CorellaError({
    code: "data/not-fetched",
    message: `${url} cannot be fetched: ${why.split("\n")[0]}.`,
    place,
    remedy: `Check the address, or download the file and name it in data.source.${table}.path.`,
    cause,
  });
}
