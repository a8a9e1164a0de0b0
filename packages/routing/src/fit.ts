import { logLoss, type Numbers } from "@corella/metrics";
import { checkRows, checkSameLength } from "./inputs.ts";
import { checkedLabels, fitLine } from "./logistic.ts";
import { checkedLogits, sigmoid } from "./logit.ts";
import { mix } from "./mix.ts";

/** What `fitMixWeight` found, and how good it is. */
export interface MixFit {
  /** At least 0. With `bias` the parameters of the rule `addLogits`. */
  readonly weight: number;
  readonly bias: number;
  /** Mean over all rows of the validation set, mixed, in nats. */
  readonly logLoss: number;
}

/** What `fitMixWeight` may fit. */
export interface MixFitOptions {
  /** Whether to fit a bias too, for an LLM that leans to one answer. Default true. */
  readonly bias?: boolean;
}

/**
 * Fits the mixing rule `addLogits` of least logloss on a validation set. `pLlm` has one value a row of `rows`, the rows
 * that the policy sent to the LLM (default: every row); only they decide. Weight 0 and bias 0, the CRM unchanged, where
 * no positive weight lowers the logloss.
 * @throws CorellaError `routing/not-a-probability`, `routing/length-mismatch`, `routing/bad-rows`, `metrics/bad-label`.
 */
export function fitMixWeight(
  pCrm: Numbers,
  pLlm: Numbers,
  labels: Numbers,
  rows?: Uint32Array,
  options: MixFitOptions = {},
): MixFit {
  const crmLogits = checkedLogits(pCrm, "pCrm");
  const llmLogits = checkedLogits(pLlm, "pLlm");
  const hard = rows ?? Uint32Array.from(crmLogits, (_, row) => row);
  checkSameLength(hard.length, llmLogits.length, "pLlm");
  checkRows(hard, crmLogits.length);
  const allLabels = checkedLabels(pCrm, labels);
  const { slope, intercept } = fitLine(
    Float64Array.from(hard, (row) => crmLogits[row]!),
    llmLogits,
    Uint8Array.from(hard, (row) => allLabels[row]!),
    { fitIntercept: options.bias ?? true, smallestSlope: 0, largestSlope: Infinity },
  );
  const helps = slope > 0;
  const fit = { weight: helps ? slope : 0, bias: helps ? intercept : 0 };
  const mixed = mix(Float32Array.from(pCrm), pLlm, hard, { kind: "addLogits", ...fit });
  return { ...fit, logLoss: logLoss(mixed, labels) };
}

/** A calibration of probabilities: p becomes sigmoid(slope * logit(p) + intercept). */
export interface Calibration {
  readonly slope: number;
  readonly intercept: number;
}

/** A calibration and how good it is. */
export interface CalibrationFit extends Calibration {
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

/** Applies a calibration. @throws CorellaError `routing/not-a-probability`. */
export function calibrate(probabilities: Numbers, { slope, intercept }: Calibration): Float32Array {
  return Float32Array.from(checkedLogits(probabilities, "probabilities"), (value) =>
    sigmoid(slope * value + intercept),
  );
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
  return { ...line, logLoss: logLoss(calibrate(probabilities, line), labels) };
}
