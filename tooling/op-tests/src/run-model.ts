import { createRequire } from "node:module";
import { Tensor } from "onnxruntime-node";
import type { ModelTensor, RunModel } from "@corella/engine/testing";

/** What onnxruntime-node keeps to itself: its sessions compute at once, only their public face is asynchronous. */
interface NativeSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(
    feeds: Record<string, Tensor>,
    fetches: Record<string, null>,
    options: object,
  ): Record<string, { data: ModelTensor["data"] }>;
  dispose(): void;
}

interface Native {
  readonly binding: { readonly InferenceSession: new () => NativeSession };
  initOrt(): void;
}

const native = createRequire(import.meta.url)("onnxruntime-node/dist/binding.js") as Native;

/** Tests read tensors with dataSync, which cannot wait for a promise. The options are those of `onnxRuntime()`. */
export const runModel: RunModel = (model, feeds) => {
  native.initOrt();
  const session = new native.binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    logSeverityLevel: 3,
  });
  try {
    const tensors = Object.entries(feeds).map(([name, { type, data, shape }]) => [
      name,
      new Tensor(type as "float32", data as Float32Array, shape),
    ]);
    return session.run(Object.fromEntries(tensors), { result: null }, {})["result"]!.data;
  } finally {
    session.dispose();
  }
};
