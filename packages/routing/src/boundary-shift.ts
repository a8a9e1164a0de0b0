import { auc, confidenceGroups, type Numbers } from "@corella/metrics";
import { predictionEntropy } from "./entropy.ts";
import { checkSameLength } from "./inputs.ts";
import { checkedLabels } from "./logistic.ts";
import { checkedLogits } from "./logit.ts";

/** How the decision boundaries of CRM and LLM lie to each other, over some rows. */
export interface BoundaryComparison {
  readonly count: number;
  /** Share of the rows where one model says yes (p >= 0.5) and the other no. */
  readonly disagreement: number;
  /** The threshold of the highest accuracy; 0.5 where no other is better. Far from 0.5: the boundary is shifted. */
  readonly bestThresholdCrm: number;
  readonly bestThresholdLlm: number;
  /** Mean of logit(pLlm) - logit(pCrm): above 0 where the LLM leans to yes. */
  readonly meanLogitShift: number;
  /** Pearson's, of the two logits. NaN where one is constant. */
  readonly logitCorrelation: number;
  /** NaN where there is one class only. */
  readonly aucCrm: number;
  readonly aucLlm: number;
}

/** How the decision boundaries of CRM and LLM lie to each other, over all rows and by confidence. */
export interface BoundaryShift extends BoundaryComparison {
  /** Equal groups by the CRM's entropy, from its most confident to its least (the paper's figure 1). */
  readonly groups: readonly BoundaryComparison[];
}

/**
 * Diagnoses the paper's reason for alignment: two models trained apart draw their boundaries apart, and then replacing
 * one's answers by the other's mixes two scales. All arrays have one value a row.
 * @throws CorellaError `routing/not-a-probability`, `routing/length-mismatch`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function boundaryShift(pCrm: Numbers, pLlm: Numbers, labels: Numbers, groups = 3): BoundaryShift {
  checkSameLength(pCrm.length, pLlm.length, "pLlm");
  const rows: Rows = {
    pCrm: Float64Array.from(pCrm),
    pLlm: Float64Array.from(pLlm),
    logitCrm: checkedLogits(pCrm, "pCrm"),
    logitLlm: checkedLogits(pLlm, "pLlm"),
    labels: checkedLabels(pCrm, labels),
  };
  const byConfidence = confidenceGroups(rows.pCrm.map(predictionEntropy), groups);
  return { ...compare(rows), groups: byConfidence.map((group) => compare(select(rows, group))) };
}

interface Rows {
  readonly pCrm: Float64Array;
  readonly pLlm: Float64Array;
  readonly logitCrm: Float64Array;
  readonly logitLlm: Float64Array;
  readonly labels: Uint8Array;
}

function select({ pCrm, pLlm, logitCrm, logitLlm, labels }: Rows, group: Uint32Array): Rows {
  const pick = (values: Float64Array): Float64Array => Float64Array.from(group, (row) => values[row]!);
  return {
    pCrm: pick(pCrm),
    pLlm: pick(pLlm),
    logitCrm: pick(logitCrm),
    logitLlm: pick(logitLlm),
    labels: Uint8Array.from(group, (row) => labels[row]!),
  };
}

function compare({ pCrm, pLlm, logitCrm, logitLlm, labels }: Rows): BoundaryComparison {
  return {
    count: pCrm.length,
    disagreement: mean(pCrm.map((p, row) => (p >= 0.5 === pLlm[row]! >= 0.5 ? 0 : 1))),
    bestThresholdCrm: bestThreshold(pCrm, labels),
    bestThresholdLlm: bestThreshold(pLlm, labels),
    meanLogitShift: mean(logitLlm.map((value, row) => value - logitCrm[row]!)),
    logitCorrelation: correlation(logitCrm, logitLlm),
    aucCrm: auc(pCrm, labels),
    aucLlm: auc(pLlm, labels),
  };
}

/**
 * The threshold in [0, 1] of the highest accuracy, where p >= threshold says yes. Between two neighbouring probabilities
 * all thresholds are equal: 0.5 if it is there, else the middle. Of equally good places the nearest to 0.5.
 */
export function bestThreshold(probabilities: Float64Array, labels: Uint8Array): number {
  const order = Uint32Array.from(probabilities, (_, row) => row);
  order.sort((a, b) => probabilities[a]! - probabilities[b]!);
  let hits = labels.reduce((sum, label) => sum + label, 0); // below the smallest probability all rows are a yes
  let best = between(0, probabilities[order[0] ?? -1] ?? 1);
  let bestHits = hits;
  for (let i = 0; i < order.length; i++) {
    const row = order[i]!;
    hits += labels[row] === 1 ? -1 : 1;
    const low = probabilities[row]!;
    const next = order[i + 1];
    const high = next === undefined ? 1 : probabilities[next]!;
    if (low === high) continue;
    const threshold = between(low, high);
    if (hits > bestHits || (hits === bestHits && Math.abs(threshold - 0.5) < Math.abs(best - 0.5))) {
      bestHits = hits;
      best = threshold;
    }
  }
  return best;
}

/** A number above `low` and up to `high`. */
function between(low: number, high: number): number {
  if (low < 0.5 && 0.5 <= high) return 0.5;
  const middle = (low + high) / 2;
  return middle > low ? middle : high;
}

/** Pearson's correlation; NaN where one is constant. @param a, b one value a row each */
export function correlation(a: Float64Array, b: Float64Array): number {
  const meanA = mean(a);
  const meanB = mean(b);
  const covariance = mean(a.map((value, i) => (value - meanA) * (b[i]! - meanB)));
  const varianceA = mean(a.map((value) => (value - meanA) ** 2));
  const varianceB = mean(b.map((value) => (value - meanB) ** 2));
  return covariance / Math.sqrt(varianceA * varianceB);
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
