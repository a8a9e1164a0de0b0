import { mkdir, open, readFile, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { CorellaError } from "@corella/errors";
import { createAsha, type Asha, type Decision, type RungJob, type RungScore } from "./asha.ts";

/** A line of a journal. */
type Line =
  | { readonly decision: Decision }
  /** A score of null is NaN. */
  | { readonly result: RungJob & { readonly score: number | null; readonly ended: boolean } };

/** A search by successive halving that survives its process: what it decides and learns is durable before it counts. */
export interface JournalledAsha extends Pick<Asha, "running" | "rungs"> {
  /** Decides what a free worker does; what is returned is in the journal. */
  next(): Promise<Decision | undefined>;
  /** Takes a result, once it is in the journal. */
  report(job: RungJob, score: RungScore): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the journal of a search, a file of JSON lines, and goes on where it ends: decisions that have no result yet are `running`.
 * Every line is fsynced; the half-written one of a crash is cut off.
 * @throws CorellaError `tune/journal` where the journal is not of this search
 */
export async function openJournal(
  path: string,
  search: Parameters<typeof createAsha>[0],
): Promise<JournalledAsha> {
  await mkdir(dirname(path), { recursive: true });
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    // What is there and cannot be read must not be cut off below.
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const asha = createAsha(search);
  for (const [index, line] of whole.split("\n").slice(0, -1).entries()) replay(asha, line, path, index + 1);

  const file: FileHandle = await open(path, "a");
  await file.truncate(Buffer.byteLength(whole));
  let writing: Promise<void> = Promise.resolve();
  const write = async (line: Line): Promise<void> => {
    await file.appendFile(`${JSON.stringify(line)}\n`);
    await file.sync();
  };
  // In the order of calls, which is that in which the state changes.
  const append = (line: Line): Promise<void> => (writing = writing.then(() => write(line)));
  return {
    async next() {
      const decision = asha.next();
      if (decision !== undefined) await append({ decision });
      return decision;
    },
    async report({ trial, rung }, { score, ended }) {
      asha.report({ trial, rung }, { score, ended });
      await append({ result: { trial, rung, score, ended } });
    },
    running: asha.running,
    rungs: asha.rungs,
    async close() {
      await writing.catch(() => {});
      await file.close();
    },
  };
}

function replay(asha: Asha, text: string, path: string, number: number): void {
  const foreign = (cause?: unknown): CorellaError =>
    new CorellaError({
      code: "tune/journal",
      message: "The journal holds what this search cannot have decided.",
      place: `${path}:${number}`,
      remedy: "Delete it: the search begins anew, and trials that were trained are kept.",
      cause,
    });
  try {
    const line = JSON.parse(text) as Line;
    if ("result" in line) {
      const { score, ended } = line.result;
      asha.report(line.result, { score: score ?? Number.NaN, ended });
    } else if (JSON.stringify(asha.next()) !== JSON.stringify(line.decision)) throw foreign();
  } catch (error) {
    throw CorellaError.isInstance(error) ? error : foreign(error);
  }
}
