import { ascendingOrder } from "./ranking.ts";
import { rowHits, rowLogLosses } from "./summary.ts";

/** AUC, logloss in nats and accuracy at 0.5 of weighted rows. */
export interface MetricValues {
  readonly auc: number;
  readonly logLoss: number;
  readonly accuracy: number;
}

/** The metrics of the rows where row i stands `weights[i]` times. */
export type WeightedMetrics = (weights: Uint32Array) => MetricValues;

/** The metrics of a model as a function of how often each row stands: rows are sorted once, and a call is linear in them. */
export function weightedMetrics(probabilities: Float64Array, labels: Uint8Array): WeightedMetrics {
  const order = ascendingOrder(probabilities);
  const endsTie = Uint8Array.from(order, (row, i) => {
    const next = order[i + 1];
    return next === undefined || probabilities[next] !== probabilities[row] ? 1 : 0;
  });
  const losses = rowLogLosses(probabilities, labels);
  const hits = rowHits(probabilities, labels, 0.5);

  return (weights) => {
    let wins = 0; // positives over negatives, a tie counting one half
    let positives = 0;
    let negatives = 0;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (let i = 0; i < order.length; i++) {
      const row = order[i]!;
      const positive = labels[row]! * weights[row]!;
      tiedPositives += positive;
      tiedNegatives += weights[row]! - positive;
      if (endsTie[i] === 0) continue;
      wins += tiedPositives * (negatives + tiedNegatives / 2);
      positives += tiedPositives;
      negatives += tiedNegatives;
      tiedPositives = 0;
      tiedNegatives = 0;
    }
    let loss = 0;
    let hit = 0;
    for (let row = 0; row < losses.length; row++) {
      loss += weights[row]! * losses[row]!;
      hit += weights[row]! * hits[row]!;
    }
    const count = positives + negatives;
    return { auc: wins / (positives * negatives), logLoss: loss / count, accuracy: hit / count };
  };
}

/** One model's metrics less another's, of the same weighted rows. */
export function minus(a: MetricValues, b: MetricValues): MetricValues {
  return { auc: a.auc - b.auc, logLoss: a.logLoss - b.logLoss, accuracy: a.accuracy - b.accuracy };
}
