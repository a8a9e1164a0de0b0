import type { RuntimeConfig } from "@corella/engine";
import { CorellaError, type PlainError } from "@corella/errors";
import { startWorker } from "@corella/files";
import type { RatingRecord } from "@corella/modality";
import type { Lane } from "./lane.ts";

/** What the worker is started with. */
export interface LaneSetup {
  readonly folder: string;
  readonly lane: "crm" | "llm";
  readonly runtime: RuntimeConfig | undefined;
}

export type LaneRequest =
  | { readonly kind: "score"; readonly id: number; readonly records: readonly RatingRecord[] }
  /** Nobody waits for this answer any more. */
  | { readonly kind: "cancel"; readonly id: number };

export type LaneReply =
  | { readonly kind: "ready" }
  | { readonly kind: "scores"; readonly id: number; readonly scores: Float32Array }
  /** `id` is absent when the lane could not start. */
  | { readonly kind: "error"; readonly id?: number; readonly error: PlainError };

/** A lane in a worker thread: `session.run` blocks its thread, so the caller's event loop stays free. */
export async function startWorkerLane(setup: LaneSetup): Promise<Lane> {
  const worker = startWorker(import.meta.url, { source: "./worker.ts", built: "./worker.js" }, setup);
  const waiting = new Map<
    number,
    { resolve: (scores: Float32Array) => void; reject: (error: unknown) => void }
  >();
  let next = 0;
  let failure: CorellaError | undefined;
  let disposed = false;

  const fail = (error: CorellaError): void => {
    failure = error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
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
      const error = laneDied(setup.lane, cause);
      fail(error);
      reject(error);
    });
    worker.on("exit", (code) => {
      if (disposed) return;
      const error = laneDied(setup.lane, `exit code ${code}`);
      fail(error);
      reject(error);
    });
  });

  return {
    score(records, signal) {
      if (failure !== undefined) return Promise.reject(failure);
      if (disposed) return Promise.reject(laneDied(setup.lane, "it was closed"));
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
      for (const { reject } of waiting.values()) reject(laneDied(setup.lane, "it was closed"));
      waiting.clear();
      await worker.terminate();
    },
  };
}

function laneDied(lane: string, cause: unknown): CorellaError {
  return new CorellaError({
    code: "bundle/lane",
    message: `The thread of the ${lane === "crm" ? "CRM" : "LLM"} ended: ${cause instanceof Error ? cause.message : String(cause)}.`,
    remedy: "Restart the server; if it happens again, look at its memory.",
    cause,
  });
}
