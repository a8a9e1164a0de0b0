import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Who writes a file touches it more often than this; what is older was left by a process that is gone. */
const abandonedAfterMs = 60_000;
const touchEveryMs = 10_000;

/**
 * Makes a file under a temporary name that no other process writes to, `<target>.<uuid>.incomplete`, and gives it the
 * target's name when it is whole. What an earlier attempt left is taken over and stays for the next one when this fails.
 * @param write makes the file whole, on from its end where there is one; may remove it
 */
export async function writeThroughPartial(
  target: string,
  write: (partial: string) => Promise<void>,
): Promise<void> {
  const partial = `${target}.${randomUUID()}.incomplete`;
  await takeOver(target, partial);
  const touching = setInterval(() => void touch(partial).catch(() => undefined), touchEveryMs);
  try {
    await write(partial);
    // Another process may have been quicker, and somebody may be reading what it made.
    if ((await sizeOf(target)) === (await sizeOf(partial))) await rm(partial);
    else await rename(partial, target);
  } catch (error) {
    // Nobody writes to a file of this name, so that the next attempt need not wait.
    await rename(partial, `${target}.incomplete`).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(touching);
  }
  for (const { path } of await abandoned(target)) await rm(path, { force: true });
}

/** Gives the largest abandoned file the name of this attempt's. Of several processes one gets it. */
async function takeOver(target: string, partial: string): Promise<void> {
  for (const { path } of await abandoned(target)) {
    try {
      // Touched first: under its new name it must not look abandoned.
      await touch(path);
      await rename(path, partial);
      return;
    } catch {
      // Another process was quicker.
    }
  }
}

/** What attempts that are over left of a file, the largest first. */
async function abandoned(target: string): Promise<{ readonly path: string; readonly size: number }[]> {
  const left: { path: string; size: number }[] = [];
  for (const name of await readdir(dirname(target))) {
    const [own, further] = [basename(target), name.slice(basename(target).length)];
    if (!name.startsWith(own) || !/^(\.[0-9a-f-]{36})?\.incomplete$/.test(further)) continue;
    const path = join(dirname(target), name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (path === `${target}.incomplete` || Date.now() - found.mtimeMs > abandonedAfterMs)
      left.push({ path, size: found.size });
  }
  return left.sort((a, b) => b.size - a.size);
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

/** Undefined where there is no such file. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
