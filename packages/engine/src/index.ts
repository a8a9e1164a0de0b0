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
export { initialValues } from "./program/values.ts";
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
  type WeightError,
} from "./precision/differences.ts";
export type {
  Backward,
  FrozenOptions,
  GradientOptions,
  GradientResult,
  GradientRun,
  InferOptions,
  Inference,
  OnnxFileOptions,
  PendingGradients,
  Precision,
  PrecisionOf,
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
