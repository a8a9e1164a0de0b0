import { once } from "node:events";
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

/** A thread that writes a store's file. */
export interface WriterThread {
  /** Resolves when the request is on the disk. */
  write(request: WriteRequest): Promise<WriteResult>;
  /** Ends after all that was asked before is written. */
  close(): Promise<void>;
}

/**
 * Starts the thread that writes a store's file.
 * @throws CorellaError those of `openToWrite`
 */
export async function startWriter(setup: WriterSetup): Promise<WriterThread> {
  const worker = startWorker(import.meta.url, { source: "../worker.ts", built: "./worker.js" }, setup);
  const waiting = new Map<
    number,
    { resolve: (result: WriteResult) => void; reject: (error: unknown) => void }
  >();
  let next = 0;
  let ended: CorellaError | undefined;
  const end = (error: CorellaError): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  const ask = (request: WriteRequest | undefined): Promise<WriteResult> => {
    if (ended !== undefined) return Promise.reject(ended);
    next += 1;
    const id = next;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, request } satisfies WriterMessage);
    });
  };
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
      worker.on("error", (cause) => {
        end(writerEnded(setup.path, cause));
        reject(ended);
      });
      worker.on("exit", () => {
        end(writerEnded(setup.path));
        reject(ended);
      });
    });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    write: ask,
    async close() {
      const exit = once(worker, "exit");
      await ask(undefined);
      end(storeClosed(setup.path));
      await exit;
    },
  };
}

function writerEnded(path: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "store/write-failed",
    message: `The thread that writes the store ended${cause instanceof Error ? `: ${cause.message}` : ""}.`,
    place: path,
    remedy: "Open the store again: what was acknowledged is in it.",
    cause,
  });
}
