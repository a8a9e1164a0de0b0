import type { Worker } from "node:worker_threads";
import { CorellaError, type PlainError } from "@corella/errors";
import { startWorker } from "@corella/files";
import type { RatingRecord } from "@corella/modality";
import type { Lane } from "./lane.ts";
import type { LaneOptions } from "./lanes.ts";
import type { ModelName } from "./models.ts";

/** What a lane's worker thread is started with. */
export interface LaneSetup {
  readonly folder: string;
  readonly lane: ModelName;
  readonly options: LaneOptions;
}

/** What goes to a lane's worker thread. */
export type LaneRequest =
  | { readonly kind: "score"; readonly id: number; readonly records: readonly RatingRecord[] }
  /** Nobody waits for this answer any more. */
  | { readonly kind: "cancel"; readonly id: number }
  /** Nothing comes after this: the thread gives back what it holds and ends. */
  | { readonly kind: "close" };

/** What comes from a lane's worker thread. */
export type LaneReply =
  | { readonly kind: "ready" }
  | { readonly kind: "scores"; readonly id: number; readonly scores: Float32Array }
  /** `id` is absent when the lane could not start. */
  | { readonly kind: "error"; readonly id?: number; readonly error: PlainError };

/**
 * Starts a lane in a worker thread: `session.run` blocks its thread, so the caller's event loop stays free.
 * @throws CorellaError what the thread could not read, `bundle/lane` when it ended
 */
export function startWorkerLane(setup: LaneSetup): Promise<Lane> {
  const worker = startWorker(import.meta.url, { source: "./worker.ts", built: "./worker.js" }, setup);
  return connectLane(worker, setup.lane);
}

/**
 * A lane whose records and scores go by messages to a thread, once it says that it is ready.
 * @throws CorellaError what the thread sends instead of being ready, `bundle/lane` when it ends, then and at every later call
 */
export async function connectLane(worker: Worker, model: ModelName): Promise<Lane> {
  const waiting = new Map<
    number,
    { resolve: (scores: Float32Array) => void; reject: (error: unknown) => void }
  >();
  let next = 0;
  let failure: CorellaError | undefined;
  let disposed = false;
  let end: (error: CorellaError) => void;
  const ended = new Promise<CorellaError>((resolve) => {
    end = resolve;
  });

  const fail = (error: CorellaError): void => {
    failure = error;
    end(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const exited = new Promise<void>((resolve) => {
    worker.once("exit", () => resolve());
  });
  await new Promise<void>((resolve, reject) => {
    worker.on("message", (reply: LaneReply) => {
      if (reply.kind === "ready") return resolve();
      if (reply.kind === "error" && reply.id === undefined) return reject(new CorellaError(reply.error));
      const id = reply.kind === "scores" ? reply.id : reply.id!;
      const caller = waiting.get(id);
      waiting.delete(id);
      if (reply.kind === "scores") caller?.resolve(reply.scores);
      else caller?.reject(new CorellaError(reply.error));
    });
    worker.on("error", (cause) => {
      const error = laneDied(model, cause);
      fail(error);
      reject(error);
    });
    worker.on("exit", (code) => {
      if (disposed) return;
      const error = laneDied(model, `exit code ${code}`);
      fail(error);
      reject(error);
    });
  });

  return {
    ended,
    score(records, signal) {
      if (failure !== undefined) return Promise.reject(failure);
      if (disposed) return Promise.reject(laneDied(model, "it was closed"));
      next += 1;
      const id = next;
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          if (waiting.delete(id)) worker.postMessage({ kind: "cancel", id } satisfies LaneRequest);
          reject(signal?.reason);
        };
        if (signal?.aborted === true) return onAbort();
        signal?.addEventListener("abort", onAbort, { once: true });
        const settle = <T>(action: (value: T) => void) => {
          return (value: T): void => {
            signal?.removeEventListener("abort", onAbort);
            action(value);
          };
        };
        waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
        worker.postMessage({ kind: "score", id, records } satisfies LaneRequest);
      });
    },
    async dispose() {
      disposed = true;
      for (const { reject } of waiting.values()) reject(laneDied(model, "it was closed"));
      waiting.clear();
      // Not `terminate()`: native code that is interrupted so throws where nothing can catch it, and the whole process ends.
      worker.postMessage({ kind: "close" } satisfies LaneRequest);
      await exited;
    },
  };
}

function laneDied(model: ModelName, cause: unknown): CorellaError {
  return new CorellaError({
    code: "bundle/lane",
    message: `The thread of the ${model === "crm" ? "CRM" : "LLM"} ended: ${cause instanceof Error ? cause.message : String(cause)}.`,
    remedy: "Load the bundle again; if it happens again, look at the memory of the process.",
    cause,
  });
}
