import { plainError } from "@corella/errors";
import { parentPort, workerData } from "node:worker_threads";
import type { IdBatch } from "./features/feature-map.ts";
import { readBatches } from "./samples/read-batches.ts";
import type { StreamReply, StreamSetup } from "./samples/stream-batches.ts";

// Reads batches ahead of the thread that started this one; see streamBatches.
const port = parentPort!;
const { samples, options, ahead } = workerData as StreamSetup;
const credit = { batches: ahead };
let wake: (() => void) | undefined;
port.on("message", () => {
  credit.batches++;
  wake?.();
});

function buffersOf({ features, labels }: IdBatch): ArrayBuffer[] {
  return [...Object.values(features), labels!].map(({ buffer }) => buffer as ArrayBuffer);
}

try {
  for await (const batch of readBatches(samples, options)) {
    while (credit.batches === 0) await new Promise<void>((resolve) => (wake = resolve));
    credit.batches--;
    port.postMessage({ kind: "batch", batch } satisfies StreamReply, buffersOf(batch));
  }
  port.postMessage({ kind: "end" } satisfies StreamReply);
} catch (error) {
  port.postMessage({
    kind: "error",
    error: plainError(error, { code: "data/stream-ended" }),
  } satisfies StreamReply);
}
