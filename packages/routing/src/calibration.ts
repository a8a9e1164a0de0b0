import { logLoss, type Numbers } from "@corella/metrics";
import { interpolation, type IsotonicCalibration } from "./isotonic.ts";
import { checkedLabels, fitLine } from "./logistic.ts";
import { checkedLogits, logit, sigmoid } from "./logit.ts";

/** A calibration of probabilities in logits: p becomes sigmoid(slope * logit(p) + intercept). */
export interface LogitCalibration {
  readonly kind: "logit";
  readonly slope: number;
  readonly intercept: number;
}

/** What probabilities of a model become, so that of those with value p a share p is positive. */
export type Calibration = LogitCalibration | IsotonicCalibration;

/** A calibration in logits and how good it is. */
export interface CalibrationFit extends LogitCalibration {
  /** Mean over the rows it was fitted on, calibrated, in nats. */
  readonly logLoss: number;
}

/** A calibration by temperature alone. */
export interface TemperatureFit extends CalibrationFit {
  /** 1 / slope: above 1 where the model is too sure of itself. Between 0.001 and 1,000. */
  readonly temperature: number;
}

/**
 * Temperature scaling: sigmoid(logit(p) / T) of least logloss. Ranks and the boundary at 0.5 stay.
 * Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
 * @throws CorellaError `routing/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function fitTemperature(probabilities: Numbers, labels: Numbers): TemperatureFit {
  const fit = fitCalibration(probabilities, labels, false, 1e-3, 1e3);
  return { temperature: 1 / fit.slope, ...fit };
}

/**
 * Platt scaling: slope and intercept of least logloss. A negative slope says that the model ranks backwards.
 * Source: Platt, Probabilistic Outputs for Support Vector Machines, 1999.
 * @throws CorellaError `routing/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function fitPlatt(probabilities: Numbers, labels: Numbers): CalibrationFit {
  return fitCalibration(probabilities, labels, true, -Infinity, Infinity);
}

/** Applies a calibration. @throws CorellaError `routing/not-a-probability`, `routing/bad-rule`. */
export function calibrate(probabilities: Numbers, calibration: Calibration): Float32Array {
  checkedLogits(probabilities, "probabilities");
  return Float32Array.from(probabilities, calibrated(calibration));
}

/** A calibration as a function of one probability. @throws CorellaError `routing/bad-rule` */
export function calibrated(calibration: Calibration): (p: number) => number {
  if (calibration.kind === "isotonic") return interpolation(calibration);
  const { slope, intercept } = calibration;
  return (p) => sigmoid(slope * logit(p) + intercept);
}

function fitCalibration(
  probabilities: Numbers,
  labels: Numbers,
  fitIntercept: boolean,
  smallestSlope: number,
  largestSlope: number,
): CalibrationFit {
  const logits = checkedLogits(probabilities, "probabilities");
  const bounds = { fitIntercept, smallestSlope, largestSlope };
  const line = fitLine(new Float64Array(logits.length), logits, checkedLabels(probabilities, labels), bounds);
  const calibration = { kind: "logit", ...line } as const;
  return { ...calibration, logLoss: logLoss(calibrate(probabilities, calibration), labels) };
}
