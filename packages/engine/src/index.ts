export { tf } from "./program/tf.ts";
export type { Tensor } from "@tensorflow/tfjs";
export { compose, within } from "./program/program.ts";
export type {
  Batch,
  Dimension,
  Feed,
  InputSpec,
  Output,
  ParamSpec,
  Part,
  Program,
  ProgramOutput,
  Scope,
  Specs,
  TableSpec,
  ValueReader,
  Values,
} from "./program/program.ts";
export { initialize, type Initializer, type Nonlinearity } from "./program/initializers.ts";
export { initialValues } from "./training/training-state.ts";
export type { Optimizer } from "./optimizer/optimizers.ts";
export {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  plateauStep,
  plateauStart,
  type Decay,
  type PlateauOptions,
  type PlateauState,
  type Schedule,
  type Warmup,
} from "./optimizer/schedules.ts";
export {
  outputDifferences,
  quantizationError,
  type OutputDifference,
  type Precision,
  type PrecisionOf,
  type WeightError,
} from "./precision/freeze.ts";
export type { Backward } from "./capture/backend/stored.ts";
export type {
  FrozenOptions,
  GradientOptions,
  GradientResult,
  GradientRun,
  InferOptions,
  Inference,
  PendingGradients,
  Runtime,
  StepOptions,
  StepResult,
  Trainer,
  TrainerState,
  TrainOptions,
} from "./runtime/runtime.ts";
export { createRuntime, runtimeKinds, type RuntimeConfig, type RuntimeKind } from "./create-runtime.ts";
export { onnxRuntime } from "./onnx/runtime.ts";
export type { OnnxRuntimeOptions } from "./onnx/session.ts";
export type { OnnxFileOptions } from "./onnx/file.ts";
export { eagerRuntime } from "./eager/runtime.ts";
export { registerLazyBackend, type ModelTensor, type RunModel } from "./onnx/lazy.ts";
export { loadCheckpoint, saveCheckpoint, type Checkpoint } from "./training/checkpoint.ts";
export {
  runPhase,
  type ValidationResult,
  type PhaseOptions,
  type PhaseResult,
  type PhaseSpec,
  type ProgressListener,
  type Validation,
  type ValidationScore,
} from "./training/phase.ts";
