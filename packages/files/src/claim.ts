import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CorellaError } from "@corella/errors";
import { isRunning } from "./is-running.ts";

const lockFile = ".running";

/** A claim is made and then filled with a number; one that is empty for longer was left by a crash. */
const graceMs = 10_000;

/** How often a claim that does not hold is removed, or waited for until another process has done so, before it counts as held. */
const mostAttempts = 50;

/** A claimant shows so often that it lives; that of another machine is believed for so long without a sign. */
const [signEveryMs, silentMs] = [10_000, 60_000];

/** Folders that this process has claimed: after a restart in a container the number of a dead process may be our own. */
const claimed = new Set<string>();

/**
 * Claims a folder for this process until what it returns is called: a file `.running` with the process' number and machine. The
 * claim of a process that was killed does not hold; on a disk that several machines share, that of another machine holds until it has
 * been silent for a minute, by clocks that agree better than that. The folder must exist.
 * @throws CorellaError `file/in-use` when a running process has claimed it
 */
export async function claimFolder(folder: string): Promise<() => Promise<void>> {
  const path = resolve(join(folder, lockFile));
  for (let attempt = 0; ;) {
    try {
      await writeFile(path, `${process.pid} ${hostname()}\n`, { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const owner = await claimant(path);
      if (owner !== undefined || attempt === mostAttempts) throw inUse(path, owner);
      attempt++;
      if (!(await removeDead(path))) await delay(20);
    }
  }
  claimed.add(path);
  const timer = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => {});
  }, signEveryMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    if (claimed.delete(path)) await rm(path, { force: true });
  };
}

/**
 * Removes a claim that does not hold. Only one process at a time does so, and looks once more: of two that find the claim of a killed one
 * the slower would remove the new claim of the faster.
 * @returns whether it could; another process may be at it
 */
async function removeDead(path: string): Promise<boolean> {
  const taking = `${path}.taking`;
  try {
    await writeFile(taking, "", { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // Of a process that was killed just then.
    if (await isSilent(taking, graceMs)) await rm(taking, { force: true });
    return false;
  }
  try {
    const isThere = await stat(path).catch(() => undefined);
    if (isThere !== undefined && (await claimant(path)) === undefined) await rm(path, { force: true });
    return true;
  } finally {
    await rm(taking, { force: true });
  }
}

/** Whether a running process has claimed a folder. */
export async function isClaimed(folder: string): Promise<boolean> {
  return (await claimant(resolve(join(folder, lockFile)))) !== undefined;
}

/** The running process that has a claim, in words; undefined where there is none. */
async function claimant(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === "") return (await isSilent(path, graceMs)) ? undefined : "Another process";
  const [number, host = hostname()] = text?.trim().split(" ") ?? [];
  const owner = Number(number);
  if (!Number.isInteger(owner) || owner <= 0) return undefined;
  if (host !== hostname())
    return (await isSilent(path, silentMs)) ? undefined : `Process ${owner} of ${host}`;
  const isHeld = owner === process.pid ? claimed.has(path) : isRunning(owner);
  return isHeld ? `Process ${owner}` : undefined;
}

/** Whether a claim has not been touched for so long, or is gone. */
async function isSilent(path: string, forMs: number): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status === undefined || Date.now() - status.mtimeMs >= forMs;
}

function inUse(path: string, owner: string | undefined): CorellaError {
  return new CorellaError({
    code: "file/in-use",
    message: `${owner ?? "Another process"} is writing to this folder.`,
    place: path,
    remedy: "Wait until it has ended, or choose another folder; delete the file if no such process runs.",
  });
}
