import { predictionEntropy } from "./entropy.ts";
import { heldOutMix, type MixKind } from "./fit-mix.ts";
import { coefficientCount, dot, gainInputs, inputsOf, type GainModel } from "./gain-model.ts";
import {
  estimateByUser,
  heldOut,
  rowLoss,
  sampleOf,
  type Estimate,
  type ValidationAnswers,
} from "./held-out.ts";
import { rowsOfShare } from "./inputs.ts";

/** A gain model, and whether it is worth to have. */
export interface GainFit {
  readonly model: GainModel;
  /** Predicted gains of the validation rows, each by a model that was fitted on others. */
  readonly heldOut: Float32Array;
  /**
   * By how much the logloss of all rows is lower, in nats a row, where the share with the highest predicted gains goes to the
   * LLM in place of the share with the highest entropy.
   */
  readonly advantage: Estimate;
}

/** Strengths of the ridge that are tried. */
const ridges = [1, 10, 100, 1000];

/**
 * Fits a ridge regression of what the LLM's answer saves (the loss of the CRM minus that of both, mixed by what others teach)
 * on entropy, history length and the counts that are known, their squares and their products with entropy. Its strength is that
 * of the least squared error on held-out users.
 * @throws CorellaError those of `fitMix`, `routing/bad-policy` where the answers have no signals
 */
export function fitGain(
  answers: ValidationAnswers,
  kind: MixKind,
  longestHistory: number,
  share: number,
): GainFit {
  const sample = sampleOf(answers);
  const { pCrm, labels, users } = sample;
  const mixed = heldOutMix(kind, sample);
  const saved = mixed.map((p, row) => rowLoss(pCrm[row]!, labels[row]!) - rowLoss(p, labels[row]!));
  const inputs = gainInputs(sample.signals, longestHistory);
  const signals = inputsOf(pCrm, inputs, sample.signals);
  const fitOn = (rows: Uint32Array, ridge: number): number[] =>
    ridgeRegression(
      coefficientCount(inputs),
      Array.from(rows, (row) => signals[row]!),
      Float64Array.from(rows, (row) => saved[row]!),
      ridge,
    );
  const tried = ridges.map((ridge) => {
    const predicted =
      heldOut(sample, (others, held) => {
        const coefficients = fitOn(others.rows, ridge);
        return Array.from(held.rows, (row) => dot(signals[row]!, coefficients));
      }) ?? new Float64Array(saved.length);
    const error = predicted.reduce((sum, value, row) => sum + (value - saved[row]!) ** 2, 0);
    return { ridge, predicted, error };
  });
  const best = tried.reduce((a, b) => (b.error < a.error ? b : a));
  const byGain = highest(best.predicted, share);
  const byEntropy = highest(pCrm.map(predictionEntropy), share);
  return {
    model: { ...inputs, coefficients: fitOn(sample.rows, best.ridge) },
    heldOut: Float32Array.from(best.predicted),
    advantage: estimateByUser(
      saved.map((value, row) => value * (byGain[row]! - byEntropy[row]!)),
      users,
    ),
  };
}

/** 1 for each of the share of rows with the highest values, ties by row, else 0. */
function highest(values: Float64Array, share: number): Uint8Array {
  const order = Uint32Array.from(values, (_, row) => row).sort((a, b) => values[b]! - values[a]! || a - b);
  const chosen = new Uint8Array(values.length);
  for (const row of order.subarray(0, rowsOfShare(share, values.length))) chosen[row] = 1;
  return chosen;
}

/** The coefficients of least squared error + ridge times their squares, but for the first, the constant's. */
function ridgeRegression(
  width: number,
  x: readonly Float64Array[],
  y: Float64Array,
  ridge: number,
): number[] {
  // The normal equations with their right side, solved by elimination: they are positive definite, so no pivot is 0.
  const rows = Array.from({ length: width }, (_, i) => {
    const line = Array.from({ length: width + 1 }, () => 0);
    line[i] = i === 0 ? 1e-9 : ridge;
    return line;
  });
  for (const [n, values] of x.entries()) {
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) rows[i]![j]! += values[i]! * values[j]!;
      rows[i]![width]! += values[i]! * y[n]!;
    }
  }
  for (let i = 0; i < width; i++) {
    for (let k = i + 1; k < width; k++) {
      const factor = rows[k]![i]! / rows[i]![i]!;
      for (let j = i; j <= width; j++) rows[k]![j]! -= factor * rows[i]![j]!;
    }
  }
  const result = Array.from({ length: width }, () => 0);
  for (let i = width - 1; i >= 0; i--) {
    const rest = rows[i]!.slice(i + 1, width).reduce((sum, value, k) => sum + value * result[i + 1 + k]!, 0);
    result[i] = (rows[i]![width]! - rest) / rows[i]![i]!;
  }
  return result;
}
