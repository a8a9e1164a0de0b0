// Joint training of CRM and LLM in three stages.
export { parseRunConfig, runConfigSchema, type RunConfig } from "./config.ts";
export { prepareData, randomSubset, renderPrompts, type PreparedData } from "./data.ts";
export {
  answerProgram,
  calibrationLoss,
  jointProgram,
  projectionParams,
  type HiddenWidths,
  type LossWeights,
  type ProjectionConfig,
} from "./objective.ts";
export {
  runPhase,
  type PhaseOptions,
  type PhaseResult,
  type PhaseSpec,
  type ProgressListener,
  type Validation,
} from "./phase.ts";
export { train, type TrainingOptions, type TrainingResult } from "./pipeline.ts";
export { mixed, type Predictions } from "./predictions.ts";
export { randomRuns, renderRun, targetRuns } from "./target-runs.ts";
