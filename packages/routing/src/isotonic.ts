import { CorellaError } from "@corella/errors";
import type { Numbers } from "@corella/metrics";
import { checkProbabilities } from "./inputs.ts";
import { checkedLabels } from "./logistic.ts";

/**
 * A calibration that never falls: `value[k]` at the probability `at[k]`, straight lines between them, and the first and
 * last value outside. Both arrays have the same length, at least 1; `at` ascends.
 */
export interface IsotonicCalibration {
  readonly kind: "isotonic";
  readonly at: readonly number[];
  readonly value: readonly number[];
}

/** Rows with neighbouring probabilities that get one value. */
interface Block {
  readonly low: number;
  readonly high: number;
  readonly positives: number;
  readonly count: number;
}

/**
 * Isotonic regression of the labels on the probabilities: of all functions that never fall, the one of least squared error
 * (which is also that of least logloss), found by pooling adjacent violators: neighbours that would fall are averaged.
 * Ranks stay, but for ties. No value is surer than (n + 1) of (n + 2) after n rows (Laplace's rule of succession), so that
 * one surprise later does not cost an infinite logloss.
 * Source: Zadrozny & Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002.
 * @throws CorellaError `routing/not-a-probability`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function fitIsotonic(probabilities: Numbers, labels: Numbers): IsotonicCalibration {
  checkProbabilities(probabilities, "probabilities");
  const blocks = pooled(probabilities, checkedLabels(probabilities, labels));
  const most = (probabilities.length + 1) / (probabilities.length + 2);
  const at: number[] = [];
  const value: number[] = [];
  for (const { low, high, positives, count } of blocks) {
    const mean = Math.min(Math.max(positives / count, 1 - most), most);
    for (const end of low === high ? [low] : [low, high]) {
      at.push(end);
      value.push(mean);
    }
  }
  // Nothing is known of no rows.
  return blocks.length === 0
    ? { kind: "isotonic", at: [0, 1], value: [0, 1] }
    : { kind: "isotonic", at, value };
}

/** Pool adjacent violators: blocks whose means ascend strictly. */
function pooled(probabilities: Numbers, labels: Uint8Array): readonly Block[] {
  const blocks: Block[] = [];
  for (let block of tied(probabilities, labels)) {
    for (let last = blocks.at(-1); last !== undefined && !ascends(last, block); last = blocks.at(-1)) {
      blocks.pop();
      block = together(last, block);
    }
    blocks.push(block);
  }
  return blocks;
}

/** Rows of one probability as one block, whatever their labels; ascending. */
function tied(probabilities: Numbers, labels: Uint8Array): readonly Block[] {
  const order = Uint32Array.from(labels, (_, row) => row);
  order.sort((a, b) => probabilities[a]! - probabilities[b]!);
  const blocks: Block[] = [];
  for (const row of order) {
    const p = probabilities[row]!;
    const block = { low: p, high: p, positives: labels[row]!, count: 1 };
    const same = blocks.at(-1)?.low === p ? blocks.pop() : undefined;
    blocks.push(same === undefined ? block : together(same, block));
  }
  return blocks;
}

function ascends(a: Block, b: Block): boolean {
  return a.positives * b.count < b.positives * a.count;
}

function together(a: Block, b: Block): Block {
  return {
    low: a.low,
    high: b.high,
    positives: a.positives + b.positives,
    count: a.count + b.count,
  };
}

/** An isotonic calibration as a function of one probability. @throws CorellaError `routing/bad-rule` */
export function interpolation({ at, value }: IsotonicCalibration): (p: number) => number {
  const isRising = at.every((p, k) => (k === 0 || at[k - 1]! < p) && value[k]! >= (value[k - 1] ?? 0));
  if (at.length === 0 || at.length !== value.length || !isRising || !(value.at(-1)! <= 1)) {
    throw new CorellaError({
      code: "routing/bad-rule",
      message:
        "The isotonic calibration falls somewhere, or has not one value for each of its probabilities.",
      place: "calibration",
      remedy: "Fit it on validation rows with `fitIsotonic`.",
    });
  }
  return (p) => {
    // The first knot that is not below p.
    let [low, high] = [0, at.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle]! < p) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return value[0]!;
    if (low === at.length) return value.at(-1)!;
    const part = (p - at[low - 1]!) / (at[low]! - at[low - 1]!);
    return value[low - 1]! + part * (value[low]! - value[low - 1]!);
  };
}
