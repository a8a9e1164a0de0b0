export { tf } from "./tf.ts";
export type { Tensor } from "@tensorflow/tfjs";
export { compose, within } from "./program.ts";
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
} from "./program.ts";
export { initialize, type Initializer, type Nonlinearity } from "./initializers.ts";
export { initialValues } from "./training-state.ts";
export type { Optimizer } from "./optimizers.ts";
export {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  plateauLook,
  plateauStart,
  type Decay,
  type PlateauOptions,
  type PlateauState,
  type Schedule,
  type Warmup,
} from "./schedules.ts";
export {
  outputDifferences,
  quantizationError,
  type OutputDifference,
  type Precision,
  type PrecisionOf,
  type WeightError,
} from "./precision.ts";
export type { Backward } from "./capture/stored.ts";
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
} from "./runtime.ts";
export { createRuntime, runtimeKinds, type RuntimeConfig, type RuntimeKind } from "./create-runtime.ts";
export { onnxRuntime } from "./onnx-runtime.ts";
export type { OnnxRuntimeOptions } from "./onnx-session.ts";
export type { OnnxFileOptions } from "./onnx-file.ts";
export { eagerRuntime } from "./eager-runtime.ts";
export { registerLazyBackend, type ModelTensor, type RunModel } from "./capture/lazy.ts";
export { loadCheckpoint, saveCheckpoint, type Checkpoint } from "./checkpoint.ts";
export {
  runPhase,
  type Look,
  type PhaseOptions,
  type PhaseResult,
  type PhaseSpec,
  type ProgressListener,
  type Validation,
  type Verdict,
} from "./phase.ts";
