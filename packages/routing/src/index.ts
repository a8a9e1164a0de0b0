export { boundaryShift, correlation, type BoundaryComparison, type BoundaryShift } from "./boundary-shift.ts";
export {
  calibrate,
  fitPlatt,
  fitTemperature,
  type Calibration,
  type CalibrationFit,
  type LogitCalibration,
  type TemperatureFit,
} from "./calibration.ts";
export { fitMix, mixKinds, type MixFit, type MixKind } from "./fit-mix.ts";
export { fitRouter, type RouterFit, type RouterSettings } from "./fit-router.ts";
export type { Estimate, ValidationAnswers } from "./held-out.ts";
export { fitIsotonic, type IsotonicCalibration } from "./isotonic.ts";
export { logit, sigmoid } from "./logit.ts";
export { heardRows, mix, segmentsOfRule, type MixRule, type MixSegments } from "./mix.ts";
export type { Division } from "./segments.ts";
export { countNames, type CountName, type RoutingSignals } from "./signals.ts";
export { routeAndMix } from "./route-and-mix.ts";
export { predictionEntropy } from "./entropy.ts";
export { predictedGains, type GainModel } from "./gain-model.ts";
export { route, thresholdForShare, type Route, type RoutingPolicy } from "./route.ts";
export {
  shareCurve,
  shareOfBudget,
  type RoutingBudget,
  type ShareCurve,
  type ShareCurveOptions,
  type SharePoint,
} from "./share-curve.ts";
