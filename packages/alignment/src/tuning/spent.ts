import { appendFile, readFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";

/** In the folder of a trial: what attempts at it have cost, JSON lines; the latest of an attempt counts. */
const file = "spent.jsonl";

/** What attempts at a trial have cost. */
export interface Spent {
  /** Of all threads, those of the runtime too. */
  readonly cpuSeconds: number;
  readonly seconds: number;
}

/**
 * Starts the clock of an attempt at a trial in this process.
 * @param folder of the trial
 * @param whole whether all counts that the process has taken since it started, as for a process that does nothing else
 * @returns writes down what the attempt has taken so far; an attempt that is killed counts up to its last note
 */
export function startClock(folder: string, whole: boolean): () => Promise<void> {
  const attempt = `${hostname()}/${process.pid}/${randomBytes(4).toString("hex")}`;
  const { user: userBefore, system: systemBefore } = whole ? { user: 0, system: 0 } : process.cpuUsage();
  const startedMs = whole ? 0 : performance.now();
  return () => {
    const { user, system } = process.cpuUsage();
    const spent: Spent = {
      cpuSeconds: (user + system - userBefore - systemBefore) / 1e6,
      seconds: (performance.now() - startedMs) / 1000,
    };
    // A line is one write: attempts of several processes do not mix.
    return appendFile(join(folder, file), `${JSON.stringify({ attempt, ...spent })}\n`);
  };
}

/** What all attempts at a trial have cost that kept a clock. */
export async function readSpent(folder: string): Promise<Spent> {
  const text = await readFile(join(folder, file), "utf8").catch(() => "");
  const latest = new Map<string, Spent>();
  for (const line of text.split("\n")) {
    try {
      const { attempt, cpuSeconds, seconds } = JSON.parse(line) as Spent & { readonly attempt: string };
      latest.set(attempt, { cpuSeconds, seconds });
    } catch {
      // The end of the file, or a line that a crash cut off.
    }
  }
  const sum = (of: keyof Spent): number => [...latest.values()].reduce((all, spent) => all + spent[of], 0);
  return { cpuSeconds: sum("cpuSeconds"), seconds: sum("seconds") };
}
