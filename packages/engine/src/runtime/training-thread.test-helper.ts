// A thread that trains by itself and sends its losses: `workerData` is the seed and the number of steps.
import { parentPort, workerData } from "node:worker_threads";
import { onnxRuntime } from "../onnx/runtime.ts";
import { trainedLosses } from "./worker-threads.test-helper.ts";

const { seed, steps } = workerData as { readonly seed: number; readonly steps: number };
const runtime = onnxRuntime({ threads: 1, spinning: false });
parentPort!.postMessage(await trainedLosses(runtime, seed, steps));
