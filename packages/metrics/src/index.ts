export {
  bootstrap,
  bootstrapDifference,
  bootstrapMetrics,
  bootstrapModels,
  type MetricDifferences,
  type MetricIntervals,
  type ModelIntervals,
} from "./bootstrap.ts";
export { calibrationCurve, expectedCalibrationError, type CalibrationBin } from "./calibration.ts";
export { confidenceGroups } from "./confidence.ts";
export type { Numbers } from "./inputs.ts";
export { auc, groupAuc } from "./ranking.ts";
export { bootstrapSeedDifference } from "./seeds.ts";
export { delongTest, pairedTTest, type DelongResult, type PairedTTestResult } from "./significance.ts";
export type { BootstrapOptions, DifferenceInterval, Interval } from "./resamples.ts";
export { spread, type Spread } from "./spread.ts";
export { accuracy, logLoss, summary, type Summary } from "./summary.ts";
