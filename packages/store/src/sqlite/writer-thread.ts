import { setTimeout as pause } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { CorellaError, type PlainError } from "@corella/errors";
import { startWorker } from "@corella/files";
import { storeClosed } from "../errors.ts";
import type { StoreLimits } from "../event-store.ts";
import type { WriteRequest, WriteResult } from "./writer.ts";

/** What the thread that writes is started with. */
export interface WriterSetup {
  readonly path: string;
  readonly limits: StoreLimits;
}

/** What goes to the thread; without a request it ends. */
export interface WriterMessage {
  readonly id: number;
  readonly request?: WriteRequest | undefined;
}

/** What comes from the thread. */
export type WriterReply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly id: number; readonly result: WriteResult }
  /** `id` is absent where the file could not be opened. */
  | { readonly kind: "error"; readonly id?: number; readonly error: PlainError };

/** A thread that writes a store's file, and another in its place if it ends. */
export interface WriterThread {
  /**
   * Resolves when the request is on the disk.
   * @throws CorellaError `store/write-failed` while there is no thread: what was asked may or may not be written, and may be asked again
   */
  write(request: WriteRequest): Promise<WriteResult>;
  /** Ends after all that was asked before is written. */
  close(): Promise<void>;
}

/** How long after a thread could not be started the next one is tried, in milliseconds: first, and at most. */
const restartMs = { first: 50, most: 5000 } as const;

/**
 * Starts the thread that writes a store's file. If the thread ends, whoever waits hears of it, and a new one is started until one can
 * open the file.
 * @param start starts the thread; it is replaced in tests
 * @throws CorellaError those of `openToWrite`, when the first one cannot
 */
export async function startWriter(
  setup: WriterSetup,
  start: (setup: WriterSetup) => Worker = startThread,
): Promise<WriterThread> {
  const closing = new AbortController();
  const { signal } = closing;
  let current: Thread | undefined;
  let restarting: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    const thread = await openThread(start(setup), setup.path);
    current = thread;
    void watch(thread);
  };
  const watch = async (thread: Thread): Promise<void> => {
    await thread.ended;
    current = undefined;
    if (!signal.aborted) restarting = restart();
  };
  const restart = async (): Promise<void> => {
    let waitMs: number = restartMs.first;
    while (!signal.aborted) {
      try {
        return await begin();
      } catch {
        // Whoever writes meanwhile is told so.
        await pause(waitMs, undefined, { ref: false, signal }).catch(() => {});
        waitMs = Math.min(2 * waitMs, restartMs.most);
      }
    }
  };
  await begin();
  return {
    async write(request) {
      if (signal.aborted) throw storeClosed(setup.path);
      if (current === undefined) throw writerEnded(setup.path);
      return current.ask(request);
    },
    async close() {
      if (signal.aborted) return;
      closing.abort();
      if (current === undefined) await restarting;
      await current?.close();
    },
  };
}

function startThread(setup: WriterSetup): Worker {
  return startWorker(import.meta.url, { source: "../worker.ts", built: "./worker.js" }, setup);
}

/** One thread, from its start to its end. */
interface Thread {
  ask(request: WriteRequest): Promise<WriteResult>;
  /** Ends it after all that was asked before. */
  close(): Promise<void>;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/** Waits until a thread has opened its file. */
async function openThread(worker: Worker, path: string): Promise<Thread> {
  const waiting = new Map<
    number,
    { resolve: (result: WriteResult) => void; reject: (error: unknown) => void }
  >();
  let next = 0;
  let failure: CorellaError | undefined;
  const end = (error: CorellaError): void => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  const ask = (request: WriteRequest | undefined): Promise<WriteResult> => {
    if (failure !== undefined) return Promise.reject(failure);
    next += 1;
    const id = next;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, request } satisfies WriterMessage);
    });
  };
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => {
      end(writerEnded(path));
      resolve();
    });
  });
  try {
    await new Promise<void>((resolve, reject) => {
      worker.on("message", (reply: WriterReply) => {
        if (reply.kind === "ready") return resolve();
        if (reply.kind === "error" && reply.id === undefined) return reject(new CorellaError(reply.error));
        const caller = waiting.get(reply.id!);
        waiting.delete(reply.id!);
        if (reply.kind === "done") caller?.resolve(reply.result);
        else caller?.reject(new CorellaError(reply.error));
      });
      worker.on("error", (cause) => end(writerEnded(path, cause)));
      void ended.then(() => reject(failure));
    });
  } catch (error) {
    // It has nothing left to do, and ends by itself.
    await ended;
    throw error;
  }
  return {
    ask,
    ended,
    async close() {
      // Where it has ended by itself, all that it acknowledged is written.
      await ask(undefined).catch(() => {});
      end(storeClosed(path));
      await ended;
    },
  };
}

function writerEnded(path: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "store/write-failed",
    message: `The thread that writes the store ended${cause instanceof Error ? `: ${cause.message}` : ""}, and is started again.`,
    place: path,
    remedy: "Append the same events again in a moment: what was acknowledged is kept.",
    cause,
  });
}
