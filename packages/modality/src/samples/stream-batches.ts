import { CorellaError, type PlainError } from "@corella/errors";
import { startWorker } from "@corella/files";
import type { IdBatch } from "../features/feature-map.ts";
import type { SampleBatchOptions } from "./read-batches.ts";
import type { SampleFolder } from "./sample-folder.ts";

/** What the worker is started with. */
export interface StreamSetup {
  readonly samples: SampleFolder;
  readonly options: SampleBatchOptions;
  /** Batches that may be on their way at once. */
  readonly ahead: number;
}

/** What the worker is told: one more batch may be made. */
export type StreamRequest = "taken";

/** What the worker sends: a batch, the end, or an error as plain data. */
export type StreamReply =
  | { readonly kind: "batch"; readonly batch: IdBatch }
  | { readonly kind: "end" }
  | { readonly kind: "error"; readonly error: PlainError };

/**
 * `readBatches` in a worker thread that works ahead: reading, shuffling and gathering cost the caller nothing, and
 * batches arrive without being copied. Leaving the loop, or `return()`, ends the thread.
 * @param options.ahead batches that are ready or under way at most. Default: 8.
 * @throws CorellaError `data/bad-batch-size`, `data/not-scattered`, `data/damaged-samples`, `data/stream-ended`
 */
export async function* streamBatches(
  samples: SampleFolder,
  options: SampleBatchOptions & { readonly ahead?: number | undefined },
): AsyncGenerator<IdBatch, void, undefined> {
  const { ahead = 8, ...batchOptions } = options;
  const worker = startWorker(import.meta.url, { source: "../worker.ts", built: "./worker.js" }, {
    samples,
    options: batchOptions,
    ahead,
  } satisfies StreamSetup);
  const replies: StreamReply[] = [];
  let wake: (() => void) | undefined;
  const receive = (reply: StreamReply): void => {
    replies.push(reply);
    wake?.();
  };
  worker.on("message", receive);
  worker.on("error", (cause) => receive({ kind: "error", error: streamEnded(cause.message) }));
  worker.on("exit", (code) => receive({ kind: "error", error: streamEnded(`exit code ${code}`) }));
  try {
    for (;;) {
      while (replies.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const reply = replies.shift()!;
      if (reply.kind === "end") return;
      if (reply.kind === "error") throw new CorellaError(reply.error);
      worker.postMessage("taken" satisfies StreamRequest);
      yield reply.batch;
    }
  } finally {
    await worker.terminate();
  }
}

function streamEnded(reason: string): PlainError {
  return {
    code: "data/stream-ended",
    message: `The thread that reads batches ended: ${reason}.`,
    remedy: "Start again; if it happens again, look at the machine's memory.",
  };
}
