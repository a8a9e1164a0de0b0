import { once } from "node:events";
import { startWorker } from "@corella/files";
import { expect, test } from "vitest";
import { onnxRuntime } from "../onnx/runtime.ts";
import { trainedLosses } from "./worker-threads.test-helper.ts";

/** Trains in a thread of its own, which loads the TypeScript source itself. */
async function inWorker(seed: number, steps: number): Promise<number[]> {
  const entry = "./training-thread.test-helper.ts";
  const worker = startWorker(import.meta.url, { source: entry, built: entry }, { seed, steps });
  const [losses] = (await once(worker, "message")) as [number[]];
  return losses;
}

test("threads with sessions of their own compute what this thread computes, which stays free", async () => {
  const steps = 30;
  const expected = await Promise.all(
    [1, 2].map((seed) => trainedLosses(onnxRuntime({ threads: 1 }), seed, steps)),
  );
  expect(expected[0]).not.toEqual(expected[1]);
  let beats = 0;
  const heart = setInterval(() => (beats += 1), 10);
  const startedMs = performance.now();
  const results = await Promise.all([inWorker(1, steps), inWorker(2, steps)]);
  const elapsedMs = performance.now() - startedMs;
  clearInterval(heart);
  expect(results).toEqual(expected);
  // A thread that trains does not come to its timers: a few beats at most.
  expect(beats).toBeGreaterThan(elapsedMs / 100);
});
