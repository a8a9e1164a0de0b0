import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { onnxRuntime } from "../index.ts";
import { trainedLosses } from "./worker-threads.test-helper.ts";

/** Trains in a thread of its own, which loads the TypeScript source itself. */
function inWorker(seed: number, steps: number): Promise<number[]> {
  const tsx = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const [engine, helper] = ["../index.ts", "./worker-threads.test-helper.ts"].map((file) =>
    JSON.stringify(new URL(file, import.meta.url).href),
  );
  const source = `import(${tsx}).then(async ({ register }) => {
    register();
    const { onnxRuntime } = await import(${engine});
    const { trainedLosses } = await import(${helper});
    const runtime = onnxRuntime({ threads: 1, spinning: false });
    require("node:worker_threads").parentPort.postMessage(await trainedLosses(runtime, ${seed}, ${steps}));
  });`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, execArgv: ["--conditions=source"] });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
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
