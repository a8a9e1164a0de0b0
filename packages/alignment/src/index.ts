// Joint training of CRM and LLM in three stages.
export { parseRunConfig, runConfigSchema, type RunConfig } from "./config.ts";
export { changedSetting } from "./changed-setting.ts";
export { configForFolder, loadRunConfig, type LoadedConfig } from "./load-config.ts";
export { prepareData, randomSubset, renderPrompts, type PreparedData } from "./data.ts";
export {
  answerProgram,
  calibrationLoss,
  jointProgram,
  projectionParams,
  type HiddenWidths,
  type LlmLoss,
  type LossWeights,
  type ProjectionConfig,
} from "./objective.ts";
export { train, type TrainingOptions, type TrainingResult } from "./pipeline.ts";
export { mixed, type Predictions } from "./predictions.ts";
export type { PlannedTrial } from "./tuning/plan.ts";
export { parseSearch, type SearchConfig } from "./tuning/search-space.ts";
export { saveTrial } from "./tuning/save-trial.ts";
export { seedFigures, type SeedFigures, type Spread } from "./tuning/seeds.ts";
export { runTrial, type TrialHooks, type TrialRecord, type TrialRun } from "./tuning/trial.ts";
export {
  rank,
  tune,
  type ExecuteTrial,
  type TriedConfig,
  type TuneListener,
  type TuneOptions,
  type TuneResult,
} from "./tuning/tune.ts";
export { randomRuns, renderRun, targetRuns } from "./target-runs.ts";
