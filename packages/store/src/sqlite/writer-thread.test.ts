import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { startWorker } from "@corella/files";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultLimits } from "../event-store.ts";
import { event } from "../events.test-helper.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { startWriter, type WriterThread } from "./writer-thread.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-writer-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A writer whose threads a test can end. */
async function mortal(path: string): Promise<{ writer: WriterThread; threads: Worker[] }> {
  const threads: Worker[] = [];
  const writer = await startWriter({ path, limits: defaultLimits }, (setup) => {
    const thread = startWorker(
      import.meta.url,
      { source: "../worker.ts", built: "unused: tests run the source" },
      setup,
    );
    threads.push(thread);
    return thread;
  });
  return { writer, threads };
}

/** Ends a thread by an error that nothing catches; `terminate()` may meet native code, which takes the process along. */
async function crash(thread: Worker): Promise<void> {
  const exited = new Promise((resolve) => thread.once("exit", resolve));
  thread.postMessage(null);
  await exited;
}

const append = (writer: WriterThread, id: string): Promise<unknown> =>
  writer.write({ kind: "append", events: [event({ id })] });

test("a thread that ends while it writes is replaced: callers are told, and nothing acknowledged is lost or doubled", async () => {
  const path = join(folder, "restarted.db");
  const { writer, threads } = await mortal(path);
  const acknowledged = new Set<string>();
  let failed = 0;
  let next = 0;
  const write = async (): Promise<void> => {
    while (acknowledged.size < 600) {
      const id = `e${next++}`;
      // As a client does: the same id again, until it is acknowledged.
      for (;;) {
        try {
          await append(writer, id);
          acknowledged.add(id);
          break;
        } catch (error) {
          failed += 1;
          expect(error).toMatchObject({ code: "store/write-failed", place: path });
          await pause(5);
        }
      }
    }
  };
  const writing = Promise.all(Array.from({ length: 8 }, write));
  for (const count of [100, 250, 400]) {
    await expect.poll(() => acknowledged.size, { timeout: 20_000, interval: 5 }).toBeGreaterThan(count);
    await crash(threads.at(-1)!);
  }
  await writing;
  expect(threads).toHaveLength(4);
  expect(failed).toBeGreaterThan(3);
  await writer.close();
  const store = await openSqliteStore(path);
  const kept = (await store.eventsAfter(0, 10_000)).map(({ id }) => id);
  expect(kept.toSorted()).toEqual([...acknowledged].toSorted());
  await store.close();
}, 60_000);

test("a file that cannot be opened is tried again until it can be, and closing does not wait for that", async () => {
  const path = join(folder, "away.db");
  const move = async (from: string, to: string): Promise<void> => {
    for (const suffix of ["", "-wal", "-shm"]) await rename(from + suffix, to + suffix).catch(() => {});
  };
  const { writer, threads } = await mortal(path);
  const loseFile = async (): Promise<void> => {
    await move(path, `${path}.kept`);
    await writeFile(path, "no database, but as long as one has to be ".repeat(100));
    const before = threads.length;
    await crash(threads.at(-1)!);
    await expect.poll(() => threads.length, { timeout: 20_000 }).toBeGreaterThan(before + 2);
    await expect(append(writer, "b")).rejects.toMatchObject({ code: "store/write-failed" });
  };
  await append(writer, "a");
  await loseFile();
  await rm(path);
  await move(`${path}.kept`, path);
  await expect
    .poll(() => append(writer, "b").catch(() => undefined), { timeout: 20_000 })
    .toMatchObject({ added: 1, position: 2 });
  await loseFile();
  await writer.close();
  const started = threads.length;
  await pause(1000);
  expect(threads.length).toBe(started);
  await expect(append(writer, "c")).rejects.toMatchObject({ code: "store/closed" });
}, 60_000);
