// Training of a CRM and an LLM, together and alone, by recipes.
export { parseRunConfig, runConfigSchema, type RunConfig } from "./config/config.ts";
export { recipeNames, recipeNeeds, type RecipeName, type RecipeNeeds } from "./config/recipe-names.ts";
export { changedSetting } from "./config/changed-setting.ts";
export { resolveConfig } from "./config/resolve-config.ts";
export { withDefaultFeatures } from "./config/default-features.ts";
export {
  configForFolder,
  loadRunConfig,
  readRunSettings,
  type LoadedConfig,
  withRunSettings,
} from "./config/load-config.ts";
export type { CrmImportance, FeatureImportance } from "./crm/importance.ts";
export { prepareData, type PreparedData } from "./data.ts";
export { dryRun, type DryRun, type MeasuredPart } from "./dry-run.ts";
export { train, type PreparingOptions, type TrainingOptions, type TrainingResult } from "./train.ts";
export { probabilitiesOf, type NamedPredictions, type PartPredictions } from "./predictions.ts";
export type { TrainedPhase } from "./run.ts";
export { objective, type LossWeights, type ObjectiveModels } from "./recipes/corella.ts";
export { alpacaPrompt } from "./recipes/tallrec.ts";
export { calibrationLoss, projectionParams } from "./recipes/calibration-loss.ts";
export type { AlignedLayers } from "./recipes/aligned-layers.ts";
export type { LlmLoss, TunedDecoder } from "./llm/llm-tuning.ts";
export { gridVariants, rankGrid, type GridPoint } from "./experiments/grid.ts";
export { systemParts, type PartsOf, type SystemPart } from "./experiments/parts.ts";
export { planExperiments, type ExperimentOptions, type PlannedRun } from "./experiments/plan.ts";
export { runExperiments, type ExperimentListener, type FinishedRun } from "./experiments/run-experiments.ts";
export { sampledTestRows, validationRows, type ValidationRows } from "./scored-rows.ts";
export type { ExperimentResult } from "./experiments/stored-result.ts";
export {
  crmAlone,
  experimentNames,
  variantsOf,
  type ExperimentName,
  type TableOptions,
} from "./experiments/variants.ts";
export type { Variant } from "./experiments/variant.ts";
export { trialKindOf, type PlannedTrial } from "./tuning/plan.ts";
export { isAsha, parseSearch, type SearchConfig, type TrialKind } from "./tuning/search-space.ts";
export { saveTrial } from "./tuning/save-trial.ts";
export { seedFigures, type SeedFigures } from "./tuning/seeds.ts";
export {
  runTrial,
  type TestFigures,
  type TrialHooks,
  type TrialRecord,
  type TrialRun,
} from "./tuning/trial.ts";
export { readSpec, type TrialResult, type TrialSpec } from "./tuning/trial-spec.ts";
export { runTrialUnit, type TrialUnitOptions } from "./tuning/trial-unit.ts";
export { tuneUnits, type UnitsListener, type UnitsOptions } from "./tuning/tune-units.ts";
export type { PlacedUnit, RunUnit } from "./tuning/unit-results.ts";
export type { Decision, RungEntry } from "./tuning/asha.ts";
export type { RungEnds } from "./tuning/rungs.ts";
export {
  rank,
  tune,
  type ExecuteTrial,
  type RungsReport,
  type TriedConfig,
  type TuneListener,
  type TuneOptions,
  type TuneResult,
} from "./tuning/tune.ts";
export { randomRuns, renderRun, targetRuns, type TargetRun } from "./llm/target-runs.ts";
export { denseWindows, renderWindow, type DenseWindow } from "./llm/dense-windows.ts";
export { correctsCrm, type CorrectingStages } from "./llm/corrects-crm.ts";
export { partWarnings, type PartLook, type PartWarning } from "./part-warnings.ts";
export { exportTuning, type ExportOptions } from "./adapter/export-tuning.ts";
export { importAdapter, type ImportOptions } from "./adapter/import-adapter.ts";
export type { RowsFile, TrlBase, TuningRecord } from "./adapter/tuning-record.ts";
