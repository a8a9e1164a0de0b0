import { checkedLabels, checkedScores, checkSameLength, type Numbers } from "./inputs.ts";

/**
 * Area under the ROC curve: the probability that a positive row has a higher score than a negative one, a tie counting
 * one half (the Mann-Whitney statistic with average ranks). Exact up to the last division.
 * NaN when there are no rows of one class.
 * @throws CorellaError `metrics/not-a-number`, `metrics/bad-label`, `metrics/length-mismatch`.
 * @example
 * ```ts
 * import { auc } from "@corella/metrics";
 *
 * console.log(auc([0.9, 0.8, 0.3], [1, 0, 1])); // 0.5
 * ```
 */
export function auc(scores: Numbers, labels: Numbers): number {
  const checked = checkedScores(scores);
  return aucOfChecked(checked, checkedLabels(labels, checked.length));
}

/**
 * GAUC: the mean of the AUCs within the groups (users), weighted by their numbers of rows. Groups with one class only
 * have no AUC and are left out; NaN when all are. Source: Zhou et al., Deep Interest Network, KDD 2018, eq. 7.
 * @throws CorellaError `metrics/not-a-number`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function groupAuc(scores: Numbers, labels: Numbers, groups: ArrayLike<number | string>): number {
  const checked = checkedScores(scores);
  const checkedLabel = checkedLabels(labels, checked.length);
  checkSameLength(checked.length, groups.length, "groups");
  const rowsOf = new Map<number | string, number[]>();
  for (let row = 0; row < checked.length; row++) {
    const rows = rowsOf.get(groups[row]!);
    if (rows === undefined) rowsOf.set(groups[row]!, [row]);
    else rows.push(row);
  }
  let sum = 0;
  let weight = 0;
  for (const rows of rowsOf.values()) {
    const value = aucOfChecked(
      Float64Array.from(rows, (row) => checked[row]!),
      Uint8Array.from(rows, (row) => checkedLabel[row]!),
    );
    if (Number.isNaN(value)) continue;
    sum += value * rows.length;
    weight += rows.length;
  }
  return sum / weight;
}

/**
 * The AUC of scores without NaN and labels of 0 and 1. Both classes are sorted apart, natively and without indices, and
 * merged; the only rounding is the last division, for twice the Mann-Whitney U is an integer.
 */
export function aucOfChecked(scores: Float64Array, labels: Uint8Array): number {
  const positives = scores.filter((_, row) => labels[row] === 1).sort();
  const negatives = scores.filter((_, row) => labels[row] === 0).sort();
  let lower = 0; // negatives below the positive
  let lowerOrTied = 0;
  let twiceWins = 0;
  for (const score of positives) {
    while (lower < negatives.length && negatives[lower]! < score) lower++;
    while (lowerOrTied < negatives.length && negatives[lowerOrTied]! <= score) lowerOrTied++;
    twiceWins += lower + lowerOrTied;
  }
  return twiceWins / 2 / (positives.length * negatives.length);
}

/** Row numbers by ascending value; tied rows keep their order. */
export function ascendingOrder(values: Float64Array): Uint32Array {
  const order = Uint32Array.from(values, (_, row) => row);
  return order.sort((a, b) => values[a]! - values[b]! || a - b);
}

/** Rank of each value counted from 1, tied values sharing the mean of their ranks. */
export function midranks(values: Float64Array): Float64Array {
  const order = ascendingOrder(values);
  const ranks = new Float64Array(values.length);
  for (let begin = 0; begin < order.length;) {
    let end = begin + 1;
    while (end < order.length && values[order[end]!] === values[order[begin]!]) end++;
    for (let i = begin; i < end; i++) ranks[order[i]!] = (begin + 1 + end) / 2;
    begin = end;
  }
  return ranks;
}
