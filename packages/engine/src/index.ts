// Programs on tensors, and the runtimes that infer, train and resume them. What few need stands in `testing.ts`.
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
  Int4Reader,
  Int4Rows,
  ValueReader,
  Values,
} from "./program/program.ts";
export type { Initializer } from "./program/initializers.ts";
export { initialValues } from "./program/values.ts";
export type { Optimizer } from "./optimizer/optimizers.ts";
export {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  type Decay,
  type PlateauOptions,
  type Schedule,
  type Warmup,
} from "./optimizer/schedules.ts";
export type {
  Backward,
  FrozenOptions,
  GradientOptions,
  GradientResult,
  GradientRun,
  InferOptions,
  Inference,
  OnnxFileOptions,
  Precision,
  PrecisionOf,
  Runtime,
  StepOptions,
  StepResult,
  Trainer,
  TrainerState,
  TrainOptions,
} from "./runtime/runtime.ts";
export {
  createRuntime,
  mostThreads,
  runtimeKinds,
  type RuntimeConfig,
  type RuntimeKind,
} from "./create-runtime.ts";
export { onnxRuntime } from "./onnx/runtime.ts";
export type { OnnxRuntimeOptions } from "./onnx/session.ts";
export { eagerRuntime } from "./eager/runtime.ts";
export { loadCheckpoint, saveCheckpoint, type Checkpoint } from "./training/checkpoint.ts";
export {
  runPhase,
  type PhaseOptions,
  type PhaseResult,
  type PhaseSpec,
  type ProgressListener,
  type Validation,
  type ValidationResult,
  type ValidationScore,
} from "./training/phase.ts";
export type { LossTerms } from "./training/loss-terms.ts";
