import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { CorellaError } from "@corella/errors";
import { isRunning } from "./is-running.ts";

const lockFile = ".running";

/** A claim is made and then filled with a number; one that is empty for longer was left by a crash. */
const graceMs = 10_000;

/** A claimant shows so often that it lives; that of another machine is believed for so long without a sign. */
const [signEveryMs, silentMs] = [10_000, 60_000];

/** Claims that are being made in this process, one after another for a folder. */
const claiming = new Map<string, Promise<unknown>>();

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
  const before = claiming.get(path) ?? Promise.resolve();
  const made = before.catch(() => {}).then(() => makeClaim(path));
  claiming.set(path, made);
  try {
    await made;
  } finally {
    if (claiming.get(path) === made) claiming.delete(path);
  }
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

async function makeClaim(path: string): Promise<void> {
  for (let attempt = 0; !(await createdNew(path, `${process.pid} ${hostname()}\n`)); attempt++) {
    const owner = await claimant(path);
    if (owner !== undefined || attempt === 3) throw inUse(path, owner);
    if (await takeOver(path)) break;
  }
  claimed.add(path);
}

/**
 * Puts a claim of this process in the place of a dead one. Processes that find the same one do so in turns: otherwise the second would
 * take the claim that the first has just made for the one that it has judged.
 * @returns whether it did; otherwise another process is at it, or has done it
 */
async function takeOver(path: string): Promise<boolean> {
  const turn = `${path}.next`;
  if (!(await createdNew(turn, ""))) {
    const status = await stat(turn).catch(() => undefined);
    if (status !== undefined && Date.now() - status.mtimeMs >= graceMs) await rm(turn, { force: true });
    return false;
  }
  try {
    if ((await claimant(path)) !== undefined) return false;
    await rm(path, { force: true });
    return await createdNew(path, `${process.pid} ${hostname()}\n`);
  } finally {
    await rm(turn, { force: true });
  }
}

/** Creates a file; false where there is one. */
async function createdNew(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
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
