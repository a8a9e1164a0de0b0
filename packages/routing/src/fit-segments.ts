import { CorellaError } from "@corella/errors";
import { smallSample, subset, sumsByUser, type Sample } from "./held-out.ts";
import { fitLine } from "./logistic.ts";
import { logit, sigmoid } from "./logit.ts";
import type { MixRule } from "./mix.ts";
import { divisionsBy, segmentCount, segmentsOf } from "./segments.ts";

/** A rule that adds the LLM's logit. */
export type AddLogits = Extract<MixRule, { kind: "addLogits" }>;

/** What is known of a segment's own weight before it is shrunk. */
interface Deviation {
  readonly sample: Sample;
  /** The LLM's logits without their mean in the segment. */
  readonly x: Float64Array;
  readonly mean: number;
  /** Logits of the answers mixed with the common weight. */
  readonly offset: Float64Array;
  /** H: the curvature of the summed logloss by the deviation, at 0. */
  readonly curvature: number;
  /** V: the variance of the score, by users. */
  readonly noise: number;
  /** d: the step from the common weight that the segment's rows ask for, with the variance V / H^2. */
  readonly step: number;
}

/**
 * A common weight w that each segment may deviate from: logit(pCrm) + w (l - mean) + d_s (l - mean_s), with l = logit(pLlm) and
 * its means over all rows and over those of the segment. The deviations are drawn from a normal prior around 0 whose variance
 * tau^2 is estimated from all segments by the method of moments: with U, H and V as `fitMix` has them, here of d_s, the steps
 * U/H have the variance tau^2 + V/H^2, so tau^2 = (sum of (U/H)^2 H^2/V - k) / sum of H^2/V over k segments, at least 0. Then
 * d_s minimises the summed logloss + lambda/2 d^2 with lambda = V / (H tau^2), which is near U/H times its share of signal,
 * tau^2 / (tau^2 + V/H^2). No segment's weight is below 0.
 * Source of the moments: DerSimonian & Laird, Meta-Analysis in Clinical Trials, 1986, around a known mean.
 * @throws CorellaError `routing/bad-rule` where nothing is known that divides the rows
 */
export function segmentRule(sample: Sample, common: AddLogits): AddLogits {
  const { signals } = sample;
  const divisions = signals === undefined ? [] : divisionsBy(signals);
  if (divisions.length === 0)
    throw new CorellaError({
      code: "routing/bad-rule",
      message: "Weights by segment need counts of the rows' users or items.",
      place: "addLogitsBySegment",
      remedy: "Give `signals` with `userEvents` or `itemEvents`, or mix with addLogits.",
    });
  const { weight, bias = 0 } = common;
  const numbers = segmentsOf(divisions, signals, sample.pCrm.length);
  const deviations = Array.from({ length: segmentCount(divisions) }, (_, segment) =>
    deviationOf(
      subset(
        sample,
        Uint32Array.from(numbers.keys()).filter((row) => numbers[row] === segment),
      ),
      weight,
      bias,
    ),
  );
  const known = deviations.filter(({ noise, curvature }) => noise > 0 && curvature > 0);
  const precision = ({ curvature, noise }: Deviation): number => curvature ** 2 / noise;
  const excess = known.reduce((sum, one) => sum + one.step ** 2 * precision(one) - 1, 0);
  const variance = excess <= 0 ? 0 : excess / known.reduce((sum, one) => sum + precision(one), 0);
  const shrunk = deviations.map((one) =>
    variance === 0 || !known.includes(one)
      ? 0
      : fitLine(one.offset, one.x, one.sample.labels, {
          fitIntercept: false,
          smallestSlope: -weight,
          largestSlope: Infinity,
          ridge: one.noise / (one.curvature * variance),
        }).slope,
  );
  const weights = shrunk.map((deviation) => weight + deviation);
  return {
    ...common,
    segments: {
      divisions,
      weights,
      biases: shrunk.map((deviation, segment) =>
        weights[segment] === 0 ? 0 : bias - deviation * deviations[segment]!.mean,
      ),
    },
  };
}

function deviationOf(sample: Sample, weight: number, bias: number): Deviation {
  const { pCrm, pLlm, labels, users } = sample;
  const logits = pLlm.map(logit);
  const mean = logits.reduce((sum, value) => sum + value, 0) / Math.max(logits.length, 1);
  const x = logits.map((value) => value - mean);
  const offset = pCrm.map((p, row) => logit(p) + weight * logits[row]! + bias);
  const p = offset.map(sigmoid);
  const sums = sumsByUser(
    x.map((value, row) => (labels[row]! - p[row]!) * value),
    users,
  );
  const score = sums.reduce((sum, value) => sum + value, 0);
  const curvature = x.reduce((sum, value, row) => sum + p[row]! * (1 - p[row]!) * value * value, 0);
  // The noise of one user alone is not known.
  const noise =
    sums.length < 2 ? 0 : sums.reduce((sum, value) => sum + value * value, 0) * smallSample(sums.length);
  return { sample, x, mean, offset, curvature, noise, step: curvature === 0 ? 0 : score / curvature };
}
