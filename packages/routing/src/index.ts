export { boundaryShift, type BoundaryComparison, type BoundaryShift } from "./boundary-shift.ts";
export {
  calibrate,
  fitMixWeight,
  fitPlatt,
  fitTemperature,
  type Calibration,
  type CalibrationFit,
  type MixFit,
  type MixFitOptions,
  type TemperatureFit,
} from "./fit.ts";
export { logit, sigmoid } from "./logit.ts";
export { mix, type MixRule } from "./mix.ts";
export { routeAndMix } from "./route-and-mix.ts";
export { predictionEntropy, route, thresholdForShare, type Route, type RoutingPolicy } from "./route.ts";
