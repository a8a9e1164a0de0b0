import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CorellaError } from "@corella/errors";
import { isRunning } from "./is-running.ts";

const lockFile = ".running";

/** A claim is made and then filled with a number; one that is empty for longer was left by a crash. */
const graceMs = 10_000;

/** Folders that this process has claimed: after a restart in a container the number of a dead process may be our own. */
const claimed = new Set<string>();

/**
 * Claims a folder for this process until what it returns is called: a file `.running` with the process' number. The claim
 * of a process that was killed does not hold. The folder must exist, on a disk that only this machine writes to.
 * @throws CorellaError `file/in-use` when a running process has claimed it
 */
export async function claimFolder(folder: string): Promise<() => Promise<void>> {
  const path = resolve(join(folder, lockFile));
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(path, `${process.pid}\n`, { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const owner = await claimant(path);
      if (owner !== undefined || attempt === 3) throw inUse(path, owner);
      await rm(path, { force: true });
    }
  }
  claimed.add(path);
  return async () => {
    if (claimed.delete(path)) await rm(path, { force: true });
  };
}

/** Whether a running process has claimed a folder. */
export async function isClaimed(folder: string): Promise<boolean> {
  return (await claimant(resolve(join(folder, lockFile)))) !== undefined;
}

/** The running process that has a claim, 0 for one that is about to write its number; undefined where there is none. */
async function claimant(path: string): Promise<number | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === "") {
    const status = await stat(path).catch(() => undefined);
    return status !== undefined && Date.now() - status.mtimeMs < graceMs ? 0 : undefined;
  }
  const owner = Number(text);
  if (!Number.isInteger(owner) || owner <= 0) return undefined;
  if (owner === process.pid) return claimed.has(path) ? owner : undefined;
  return isRunning(owner) ? owner : undefined;
}

function inUse(path: string, owner: number | undefined): CorellaError {
  return new CorellaError({
    code: "file/in-use",
    message: `${owner ? `Process ${owner}` : "Another process"} is writing to this folder.`,
    place: path,
    remedy: "Wait until it has ended, or choose another folder; delete the file if no such process runs.",
  });
}
