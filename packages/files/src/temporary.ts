import { mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isRunning } from "./is-running.ts";

/**
 * A new folder for files that are needed while this process works. Those of the same name that processes of this machine left
 * when they were killed are removed: their names tell whose they are.
 * @param parent must exist @param name the beginning of the folder's name: lower-case letters and hyphens
 */
export async function makeTemporaryFolder(parent: string, name: string): Promise<string> {
  const ours = `${name}-${hostname().replace(/[^\w.-]/g, "_")}-`;
  for (const other of await readdir(parent)) {
    const owner = other.startsWith(ours) ? /^(\d+)-\w+$/.exec(other.slice(ours.length)) : null;
    if (owner === null || isRunning(Number(owner[1]))) continue;
    // Another user's, or removed by somebody else at this moment.
    await rm(join(parent, other), { recursive: true, force: true }).catch(() => {});
  }
  return mkdtemp(join(parent, `${ours}${process.pid}-`));
}
