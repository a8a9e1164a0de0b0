import { parentPort, workerData } from "node:worker_threads";
import { CorellaError, plainError, type PlainError } from "@corella/errors";
import { sqliteError } from "./sqlite/database.ts";
import { openToWrite } from "./sqlite/schema.ts";
import type { WriterMessage, WriterReply, WriterSetup } from "./sqlite/writer-thread.ts";
import { createWriter, type WriteResult } from "./sqlite/writer.ts";

// Writes a store's file: whatever came while one transaction was written goes into the next one together.
const port = parentPort!;
const { path, limits } = workerData as WriterSetup;
const plain = (error: unknown): PlainError => plainError(error, { code: "store/write-failed", stack: true });
const reply = (message: WriterReply): void => port.postMessage(message);

async function start(): Promise<void> {
  const database = await openToWrite(path);
  const write = createWriter(database, limits);
  let waiting: WriterMessage[] = [];

  /** All of them in one transaction, or none. */
  const writeTogether = (messages: readonly WriterMessage[]): WriteResult[] => {
    database.exec("BEGIN IMMEDIATE");
    try {
      const results = messages.map(({ request }) => write(request!));
      database.exec("COMMIT");
      return results;
    } catch (error) {
      try {
        database.exec("ROLLBACK");
      } catch {
        // SQLite has done so itself.
      }
      throw error;
    }
  };
  const flush = (): void => {
    const all = waiting;
    waiting = [];
    const writes = all.filter(({ request }) => request !== undefined);
    const answer = (messages: readonly WriterMessage[]): void => {
      if (messages.length === 0) return;
      try {
        const results = writeTogether(messages);
        for (const [i, { id }] of messages.entries()) reply({ kind: "done", id, result: results[i] });
      } catch (cause) {
        const error = sqliteError(cause, path);
        // What is wrong with disk or file is so for all; else one that cannot be written does not take the others along.
        if (messages.length > 1 && !CorellaError.isInstance(error))
          for (const message of messages) answer([message]);
        else for (const { id } of messages) reply({ kind: "error", id, error: plain(error) });
      }
    };
    answer(writes);
    const end = all.find(({ request }) => request === undefined);
    if (end === undefined) return;
    // Here and now: closing does it only where nobody else has the file open, and after its statements were collected.
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    reply({ kind: "done", id: end.id, result: undefined });
    port.close();
  };
  port.on("message", (message: WriterMessage) => {
    waiting.push(message);
    if (waiting.length === 1) setImmediate(flush);
  });
  reply({ kind: "ready" });
}

try {
  await start();
} catch (error) {
  reply({ kind: "error", error: plain(error) });
}
