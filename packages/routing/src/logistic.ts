import { logLoss } from "@corella/metrics";
import { sigmoid } from "./logit.ts";

/** A linear function of one feature. */
export interface Line {
  readonly slope: number;
  readonly intercept: number;
}

/** What a fit may move. A parameter that is not fitted stays 0. */
export interface LineBounds {
  readonly fitIntercept: boolean;
  readonly smallestSlope: number;
  readonly largestSlope: number;
  /** ridge / 2 * slope^2 is added to the loss summed over the rows; default 0. */
  readonly ridge?: number;
}

/**
 * Logistic regression on one feature with an offset: minimises the logloss of sigmoid(offset + slope * x + intercept).
 * The loss is convex, so its minimum is found whatever the path, and the path is always the same. Where the data are
 * separable there is no minimum, and the fit stops where the loss no longer falls.
 * The slope is held in its bounds: the loss, minimised over the intercept, is convex in it, so the nearest bound is best.
 */
export function fitLine(offset: Float64Array, x: Float64Array, labels: Uint8Array, bounds: LineBounds): Line {
  const { fitIntercept, smallestSlope, largestSlope, ridge = 0 } = bounds;
  // Centred, slope and intercept are nearly independent, and a constant feature shows by having no spread.
  const center = fitIntercept ? x.reduce((sum, value) => sum + value, 0) / Math.max(x.length, 1) : 0;
  const centered = x.map((value) => value - center);
  const spread = centered.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const fitSlope = spread > 1e-9;

  let line: Line = newton(
    offset,
    centered,
    labels,
    { slope: 0, intercept: 0 },
    fitSlope,
    fitIntercept,
    ridge,
  );
  const slope = Math.min(Math.max(line.slope, smallestSlope), largestSlope);
  if (slope !== line.slope)
    line = newton(offset, centered, labels, { slope, intercept: 0 }, false, fitIntercept, ridge);
  return { slope: line.slope, intercept: fitIntercept ? line.intercept - line.slope * center : 0 };
}

/**
 * Newton's method. Where its step does not lower the loss (saturated rows have no curvature, and the step is huge), the
 * Hessian is blended with its upper bound, curvature 1/4 in every row, whose step lowers the loss for sure.
 * Source of the bound: Boehning & Lindsay, Monotonicity of Quadratic-Approximation Algorithms, 1988.
 */
function newton(
  offset: Float64Array,
  x: Float64Array,
  labels: Uint8Array,
  start: Line,
  fitSlope: boolean,
  fitIntercept: boolean,
  ridge: number,
): Line {
  const lossAt = (at: Line): number =>
    meanLoss(offset, x, labels, at) + ((ridge / 2) * at.slope * at.slope) / x.length;
  let line = start;
  let loss = lossAt(line);
  let caution = 0;
  for (let iteration = 0; iteration < 500; iteration++) {
    const slopes = slopesAt(offset, x, labels, line, ridge);
    caution = caution < 1e-6 ? 0 : caution / 10;
    for (;;) {
      const step = newtonStep(slopes, caution, fitSlope, fitIntercept);
      const next = { slope: line.slope + step.slope, intercept: line.intercept + step.intercept };
      const nextLoss = lossAt(next);
      // A plain Newton step from so near squares the distance: what it leaves is below rounding.
      const decrement = slopes.gradient.s * step.slope + slopes.gradient.i * step.intercept;
      if (caution === 0 && -decrement < 1e-12 * x.length) return nextLoss < loss ? next : line;
      if (nextLoss < loss) {
        line = next;
        loss = nextLoss;
        break;
      }
      if (caution === 1) return line;
      caution = Math.min(Math.max(caution * 10, 1e-6), 1);
    }
  }
  return line;
}

/** Gradient of the summed loss, its Hessian, and the Hessian's upper bound; s: slope, i: intercept. */
interface Slopes {
  readonly gradient: { readonly s: number; readonly i: number };
  readonly hessian: { readonly ss: number; readonly si: number; readonly ii: number };
  readonly bound: { readonly ss: number; readonly si: number; readonly ii: number };
}

function slopesAt(
  offset: Float64Array,
  x: Float64Array,
  labels: Uint8Array,
  line: Line,
  ridge: number,
): Slopes {
  const gradient = { s: ridge * line.slope, i: 0 };
  const hessian = { ss: ridge, si: 0, ii: 0 };
  const bound = { ss: ridge, si: 0, ii: 0 };
  for (let row = 0; row < x.length; row++) {
    const value = x[row]!;
    const p = sigmoid(offset[row]! + line.slope * value + line.intercept);
    const residual = p - labels[row]!;
    const curvature = p * (1 - p);
    gradient.s += residual * value;
    gradient.i += residual;
    hessian.ss += curvature * value * value;
    hessian.si += curvature * value;
    hessian.ii += curvature;
    bound.ss += (value * value) / 4;
    bound.si += value / 4;
    bound.ii += 1 / 4;
  }
  return { gradient, hessian, bound };
}

function newtonStep(
  { gradient, hessian, bound }: Slopes,
  caution: number,
  fitSlope: boolean,
  fitIntercept: boolean,
): Line {
  const ss = hessian.ss + caution * (bound.ss - hessian.ss);
  const si = hessian.si + caution * (bound.si - hessian.si);
  const ii = hessian.ii + caution * (bound.ii - hessian.ii);
  if (!fitSlope) return { slope: 0, intercept: fitIntercept ? -gradient.i / ii : 0 };
  if (!fitIntercept) return { slope: -gradient.s / ss, intercept: 0 };
  const determinant = ss * ii - si * si;
  return {
    slope: (si * gradient.i - ii * gradient.s) / determinant,
    intercept: (si * gradient.s - ss * gradient.i) / determinant,
  };
}

/** The mean logloss, computed from the logits: exact where the probability would round to 0 or 1. */
function meanLoss(offset: Float64Array, x: Float64Array, labels: Uint8Array, line: Line): number {
  let sum = 0;
  for (let row = 0; row < x.length; row++) {
    const z = offset[row]! + line.slope * x[row]! + line.intercept;
    const wrong = labels[row] === 1 ? -z : z;
    sum += Math.max(wrong, 0) + Math.log1p(Math.exp(-Math.abs(wrong)));
  }
  return sum / x.length;
}

/**
 * The labels as bytes. `logLoss` has the checks and the error messages.
 * @throws CorellaError `metrics/bad-label`, `metrics/length-mismatch`, `metrics/not-a-probability`
 */
export function checkedLabels(probabilities: ArrayLike<number>, labels: ArrayLike<number>): Uint8Array {
  logLoss(probabilities, labels);
  return Uint8Array.from(labels);
}
