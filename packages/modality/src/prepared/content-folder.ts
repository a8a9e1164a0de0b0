import { CorellaError } from "@corella/errors";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "./column-files.ts";

const abandonedAfterMs = 24 * 3600 * 1000;

/**
 * Makes a folder that is named by the hash of its contents: `write` fills an unfinished one, which is then renamed. A
 * crash leaves no half folder under the name, and of several processes that make it at once one wins.
 * @param folder its parent is the cache
 * @param isWhole whether what lies under the name already may stay
 * @throws CorellaError `data/cache-not-writable`
 */
export async function makeFolder(
  folder: string,
  write: (unfinished: string) => Promise<void>,
  isWhole: () => Promise<boolean>,
): Promise<void> {
  const cacheFolder = dirname(folder);
  try {
    await mkdir(cacheFolder, { recursive: true });
    await removeAbandoned(cacheFolder);
    const unfinished = join(cacheFolder, `unfinished-${randomUUID()}`);
    try {
      await mkdir(unfinished);
      await write(unfinished);
      await moveInto(folder, unfinished, isWhole);
      await syncFolder(cacheFolder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  } catch (cause) {
    throw new CorellaError({
      code: "data/cache-not-writable",
      message: `The prepared data cannot be kept: ${cause instanceof Error ? cause.message : String(cause)}.`,
      place: cacheFolder,
      remedy: "Free some space, or give a cache folder that may be written.",
      cause,
    });
  }
}

/** Renames; where another process was faster its folder stays, unless it is damaged. */
async function moveInto(folder: string, finished: string, isWhole: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await rename(finished, folder);
    } catch (error) {
      const taken = ["ENOTEMPTY", "EEXIST", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");
      if (!taken || attempt === 3) throw error;
      if (await isWhole()) return;
      const damaged = join(dirname(folder), `unfinished-${randomUUID()}`);
      await rename(folder, damaged).catch(() => {}); // another process may have moved it
      await rm(damaged, { recursive: true, force: true });
    }
  }
}

/** Folders of processes that died while writing. */
async function removeAbandoned(cacheFolder: string): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith("unfinished-")) continue;
    const path = join(cacheFolder, name);
    const status = await stat(path).catch(() => undefined);
    if (status !== undefined && Date.now() - status.mtimeMs > abandonedAfterMs) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
