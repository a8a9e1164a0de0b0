import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CorellaError, systemRemedy } from "@corella/errors";
import { isRunning } from "./is-running.ts";

/** What to write: bytes, text (UTF-8), or a function that writes to the open temporary file. */
export type FileContent = string | Uint8Array | ((file: FileHandle) => Promise<void>);

/**
 * Writes a file so that a reader, or a crash at any moment, sees the old file or the new one and nothing between:
 * a temporary name beside it, fsync, rename, fsync of the folder. The folder must exist.
 * @throws CorellaError `file/write-failed`; what a function given as `content` throws passes through unchanged.
 * @example
 * ```ts
 * import { mkdtemp, readFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { writeFileAtomic } from "@corella/files";
 *
 * const path = join(await mkdtemp(join(tmpdir(), "example-")), "figures.json");
 * await writeFileAtomic(path, "{}");
 * console.log(await readFile(path, "utf8")); // {}
 * ```
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  const temporary = temporaryName(path);
  let renamed = false;
  try {
    const file = await explain(path, () => open(temporary, "wx"));
    try {
      if (typeof content === "function") await content(file);
      else await explain(path, () => file.writeFile(content));
      await explain(path, () => file.sync());
    } finally {
      await file.close();
    }
    await explain(path, () => rename(temporary, path));
    renamed = true;
  } finally {
    if (!renamed) await rm(temporary, { force: true });
  }
  await explain(path, () => syncFolder(dirname(path)));
}

/**
 * Writes a folder as a whole: `write` fills a temporary folder beside it, its files and folders are fsynced, and it is
 * renamed into place. An existing folder is first renamed to `.<name>.previous` and removed last, because no portable
 * call swaps two folders; after a crash between the two renames `recoverFolder` puts it back. What a crashed writer left
 * half-written is removed by the next.
 * One writer at a time for a path.
 * @throws CorellaError `file/write-failed`; what `write` throws passes through, and the existing folder stays.
 */
export async function writeFolderAtomic(
  path: string,
  write: (temporaryFolder: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  const previous = previousName(path);
  let renamed = false;
  try {
    await explain(path, async () => {
      await recoverFolder(path);
      await removeLeftovers(path);
      await mkdir(temporary);
    });
    await write(temporary);
    await explain(path, async () => {
      await syncTree(temporary);
      const replaces = await exists(path);
      if (replaces) await rename(path, previous);
      try {
        await rename(temporary, path);
      } catch (error) {
        if (replaces) await rename(previous, path);
        throw error;
      }
      renamed = true;
      await syncFolder(dirname(resolve(path)));
    });
  } finally {
    if (!renamed) await rm(temporary, { recursive: true, force: true });
  }
  await rm(previous, { recursive: true, force: true });
}

/**
 * Finishes what a crash during `writeFolderAtomic` left: puts the previous folder back where the new one had not yet
 * taken its place, and removes it otherwise. Call it before reading a folder that a killed process may have been
 * replacing. Returns whether a folder was put back.
 */
export async function recoverFolder(path: string): Promise<boolean> {
  const previous = previousName(path);
  if (!(await exists(previous))) return false;
  if (await exists(path)) {
    await rm(previous, { recursive: true, force: true });
    return false;
  }
  await rename(previous, path);
  await syncFolder(dirname(resolve(path)));
  return true;
}

function temporaryName(path: string): string {
  const absolute = resolve(path);
  return join(
    dirname(absolute),
    `.${basename(absolute)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`,
  );
}

/** Removes the temporary folders of writers that were killed: those of processes that no longer run. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const prefix = `.${basename(resolve(path))}.`;
  for (const name of await readdir(folder)) {
    const writer = name.startsWith(prefix)
      ? /^(\d+)\.[0-9a-f]{8}\.tmp$/.exec(name.slice(prefix.length))
      : null;
    if (writer === null || isRunning(Number(writer[1]))) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function previousName(path: string): string {
  const absolute = resolve(path);
  return join(dirname(absolute), `.${basename(absolute)}.previous`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncFile(path);
  }
  await syncFolder(folder);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename survive a power cut. Windows cannot open a folder, and needs no such call. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function explain<Result>(path: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (cause) {
    if (CorellaError.isInstance(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CorellaError({
      code: "file/write-failed",
      message: `Writing failed: ${reason}.`,
      place: path,
      remedy: systemRemedy(cause),
      cause,
    });
  }
}
