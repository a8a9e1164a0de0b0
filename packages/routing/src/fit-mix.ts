import { fitPlatt, fitTemperature } from "./calibration.ts";
import {
  estimateByUser,
  heldOut,
  rowLoss,
  sampleOf,
  smallSample,
  sumsByUser,
  type Estimate,
  type Sample,
  type ValidationAnswers,
} from "./held-out.ts";
import { fitIsotonic } from "./isotonic.ts";
import { fitLine } from "./logistic.ts";
import { logit, sigmoid } from "./logit.ts";
import { segmentRule, type AddLogits } from "./fit-segments.ts";
import { mixer, segmentsOfRule, type MixRule } from "./mix.ts";

/**
 * Ways of mixing, by the names that a configuration gives them. `replace`: the paper's; `temperature`, `platt` and
 * `isotonic`: replacing by the LLM's calibrated answer; `addLogits`: the LLM's logit is added with a learned weight;
 * `addLogitsBySegment`: with one that depends on how many events of user and item there were.
 */
export const mixKinds = [
  "replace",
  "temperature",
  "platt",
  "isotonic",
  "addLogits",
  "addLogitsBySegment",
] as const;

/** Name of a way of mixing. */
export type MixKind = (typeof mixKinds)[number];

/** A rule fitted on validation rows, and what it brings there. */
export interface MixFit<Rule extends MixRule = MixRule> {
  readonly rule: Rule;
  /**
   * By how much mixing lowers the logloss of the rows that the LLM answers, in nats a row. Each tenth of the users is mixed
   * by what the others teach (10-fold cross-validation), so it is not flattered by the fit.
   */
  readonly gain: Estimate;
  /** By how much weights by segment lower it beyond a common one, or none, whether they were kept or not; only where they were asked for. */
  readonly bySegment?: Estimate | undefined;
}

/**
 * Fits a rule on the validation rows that the LLM answers.
 *
 * `addLogits` weighs how far the LLM's logit is from its mean: sigmoid(logit(pCrm) + w (logit(pLlm) - mean)). An LLM that
 * leans to one answer, or says the same of all, shifts nothing by that. w is shrunk: it minimises the summed logloss +
 * lambda/2 w^2, where lambda is the empirical Bayes estimate for a normal prior around 0. With U = sum of (y - pCrm) x,
 * H = sum of pCrm (1 - pCrm) x^2 and V = the variance of U, estimated by users, the step U/H has the variance V/H^2, the
 * prior gets what its square exceeds that by, and lambda = V H / (U^2 - V). So w is near (1 - V/U^2) U/H, the positive-part
 * James-Stein estimate: 0 where U is within its noise or below 0, an LLM that ranks backwards, and finite where the LLM
 * knows everything. Last, w is kept only where the held-out `gain` exceeds its standard error; else it is 0.
 * Source: Efron & Morris, Stein's Estimation Rule and Its Competitors: An Empirical Bayes Approach, JASA 1973.
 *
 * `addLogitsBySegment` adds to w and the mean what each segment differs by: `segmentRule` in `fit-segments.ts`. The segments
 * are kept where they lower the held-out logloss beyond what `addLogits` gives by more than the standard error.
 *
 * The calibrations have no such guard: who replaces asks for the LLM's answer, and `gain` says what that costs.
 * @param rows those that the policy sends to the LLM, ascending; default: all
 * @throws CorellaError `routing/not-a-probability`, `routing/length-mismatch`, `routing/bad-rows`, `metrics/bad-label`.
 */
export function fitMix(
  kind: "addLogits" | "addLogitsBySegment",
  answers: ValidationAnswers,
  rows?: Uint32Array,
): MixFit<AddLogits>;
export function fitMix(kind: MixKind, answers: ValidationAnswers, rows?: Uint32Array): MixFit;
export function fitMix(kind: MixKind, answers: ValidationAnswers, rows?: Uint32Array): MixFit {
  const sample = sampleOf(answers, rows);
  if (kind === "addLogitsBySegment") return fitSegments(sample);
  const gain = gainOf(heldOutMix(kind, sample), sample);
  const helps = gain.mean > gain.standardError;
  return { rule: kind === "addLogits" && !helps ? noWeight : ruleOf(kind, sample), gain };
}

function fitSegments(sample: Sample): MixFit<AddLogits> {
  const { labels, users } = sample;
  const common = heldOutMix("addLogits", sample);
  const commonGain = gainOf(common, sample);
  const isKept = commonGain.mean > commonGain.standardError;
  const before = isKept ? common : sample.pCrm;
  const divided = heldOutMix("addLogitsBySegment", sample);
  const bySegment = estimateByUser(
    divided.map((p, row) => rowLoss(before[row]!, labels[row]!) - rowLoss(p, labels[row]!)),
    users,
  );
  if (bySegment.mean > bySegment.standardError)
    return { rule: segmentRule(sample, shrunkWeight(sample)), gain: gainOf(divided, sample), bySegment };
  return { rule: isKept ? shrunkWeight(sample) : noWeight, gain: commonGain, bySegment };
}

/** What listens to nobody. */
const noWeight: AddLogits = { kind: "addLogits", weight: 0, bias: 0 };

/** The rows mixed by what the others teach; the CRM's answers where there are no others. */
export function heldOutMix(kind: MixKind, sample: Sample): Float64Array {
  const mixed = heldOut(sample, (others, held) => {
    const rule = ruleOf(kind, others);
    const mixOne = mixer(rule);
    const segments = segmentsOfRule(rule, held.pCrm.length, held.signals);
    return held.pCrm.map((p, row) => mixOne(p, held.pLlm[row]!, segments?.[row]));
  });
  return mixed ?? sample.pCrm;
}

function gainOf(mixed: Float64Array, { pCrm, labels, users }: Sample): Estimate {
  const gains = mixed.map((p, row) => rowLoss(pCrm[row]!, labels[row]!) - rowLoss(p, labels[row]!));
  return estimateByUser(gains, users);
}

function ruleOf(kind: MixKind, sample: Sample): MixRule {
  const { pLlm, labels } = sample;
  switch (kind) {
    case "replace":
      return { kind: "replace" };
    case "temperature":
    case "platt": {
      const { slope, intercept } = (kind === "platt" ? fitPlatt : fitTemperature)(pLlm, labels);
      return { kind: "replace", calibration: { kind: "logit", slope, intercept } };
    }
    case "isotonic":
      return { kind: "replace", calibration: fitIsotonic(pLlm, labels) };
    case "addLogits":
      return shrunkWeight(sample);
    case "addLogitsBySegment":
      return segmentRule(sample, shrunkWeight(sample));
  }
}

/** The weight before it has to prove itself on held-out rows; the formula is that of `fitMix`. */
function shrunkWeight({ pCrm, pLlm, labels, users }: Sample): AddLogits {
  const logits = pLlm.map(logit);
  const mean = logits.reduce((sum, value) => sum + value, 0) / Math.max(logits.length, 1);
  const x = logits.map((value) => value - mean);
  const offset = pCrm.map(logit);
  const p = offset.map(sigmoid);
  const sums = sumsByUser(
    x.map((value, row) => (labels[row]! - p[row]!) * value),
    users,
  );
  const score = sums.reduce((sum, value) => sum + value, 0);
  const noise = sums.reduce((sum, value) => sum + value * value, 0) * smallSample(sums.length);
  if (score <= 0 || score * score <= noise) return noWeight;
  const curvature = x.reduce((sum, value, row) => sum + p[row]! * (1 - p[row]!) * value * value, 0);
  const { slope } = fitLine(offset, x, labels, {
    fitIntercept: false,
    smallestSlope: 0,
    largestSlope: Infinity,
    ridge: (noise * curvature) / (score * score - noise),
  });
  return { kind: "addLogits", weight: slope, bias: slope === 0 ? 0 : -slope * mean };
}
