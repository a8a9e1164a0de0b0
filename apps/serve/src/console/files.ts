import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";

/** A file of the console, in memory. */
export interface ConsoleFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** With its quotes, as the header has it. */
  readonly etag: string;
  /** Its name holds a hash of its contents: whoever has it never asks again. */
  readonly immutable: boolean;
}

/** The files of a built console by their paths in it, `assets/index-….js`; all there are. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

/** The page itself. */
export const indexFile = "index.html";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Reads all files of a built console. */
export async function readConsoleFiles(folder: string): Promise<ConsoleFiles> {
  const files = new Map<string, ConsoleFile>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1).replaceAll(sep, "/");
    const body = new Uint8Array(await readFile(path));
    files.set(name, {
      body,
      type: types[extname(name)] ?? "application/octet-stream",
      etag: `"${createHash("sha256").update(body).digest("hex").slice(0, 32)}"`,
      immutable: name.startsWith("assets/"),
    });
  }
  return files;
}
