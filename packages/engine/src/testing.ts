// What compares precisions and runtimes, and runs the engine's kernels one by one: `@corella/engine/testing`.
export {
  outputDifferences,
  quantizationError,
  type OutputDifference,
  type WeightError,
} from "./precision/differences.ts";
export { registerLazyBackend, type ModelTensor, type RunModel } from "./onnx/lazy.ts";
