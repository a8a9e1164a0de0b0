import { checkRows, checkSameLength } from "./inputs.ts";
import { checkedLabels } from "./logistic.ts";
import { checkedLogits } from "./logit.ts";
import { signalsAtRows, type RoutingSignals } from "./signals.ts";
import type { Numbers } from "@corella/metrics";

/** What both models say of validation rows, and what is true: one value a row in each array. */
export interface ValidationAnswers {
  /** P(label = 1) by the CRM. */
  readonly pCrm: Numbers;
  /** P(label = 1) by the LLM. */
  readonly pLlm: Numbers;
  /** 0 or 1. */
  readonly labels: Numbers;
  /**
   * Whose row it is, by any number. Rows of a user resemble each other, so they are held out together and count as one
   * observation of the noise. Absent: every row is somebody else's.
   */
  readonly users?: Numbers | undefined;
  /** What is known of the rows before the LLM is asked; read by what is learned by segment. */
  readonly signals?: RoutingSignals | undefined;
}

/** A mean over rows and how far chance may have moved it. */
export interface Estimate {
  readonly mean: number;
  /** Of the mean, over users where they are known; infinite for fewer than two of them. */
  readonly standardError: number;
}

/** Rows that something is fitted on. */
export interface Sample {
  /** Their places among the validation rows. */
  readonly rows: Uint32Array;
  readonly pCrm: Float64Array;
  readonly pLlm: Float64Array;
  readonly labels: Uint8Array;
  /** Numbered from 0 in the order of their first rows. */
  readonly users: Uint32Array;
  readonly signals: RoutingSignals | undefined;
}

/** The rows of validation answers as they are fitted on, checked. @param rows ascending; default: all */
export function sampleOf(
  { pCrm, pLlm, labels, users, signals }: ValidationAnswers,
  rows?: Uint32Array,
): Sample {
  checkedLogits(pCrm, "pCrm");
  checkedLogits(pLlm, "pLlm");
  checkSameLength(pCrm.length, pLlm.length, "pLlm");
  if (users !== undefined) checkSameLength(pCrm.length, users.length, "users");
  const truth = checkedLabels(pCrm, labels);
  const chosen = rows ?? Uint32Array.from(truth, (_, row) => row);
  checkRows(chosen, pCrm.length);
  const numbers = new Map<number, number>();
  return {
    rows: chosen,
    pCrm: Float64Array.from(chosen, (row) => pCrm[row]!),
    pLlm: Float64Array.from(chosen, (row) => pLlm[row]!),
    labels: Uint8Array.from(chosen, (row) => truth[row]!),
    users: chosen.map((row, position) => {
      const user = users === undefined ? position : users[row]!;
      if (!numbers.has(user)) numbers.set(user, numbers.size);
      return numbers.get(user)!;
    }),
    signals: signals && signalsAtRows(signals, chosen),
  };
}

/** Parts that are held out in turn. */
const foldCount = 10;

/**
 * What a fit on the others says of each tenth of the rows, users whole: the users are dealt out to ten folds in the order
 * of their first rows, so that each fold has its share of every time, and the same rows always give the same folds.
 * @param fit gets the rows that are not held out, and gives a value to each row that is
 * @returns undefined for fewer than two users, of whom none can be held out
 */
export function heldOut(
  sample: Sample,
  fit: (others: Sample, held: Sample) => ArrayLike<number>,
): Float64Array | undefined {
  const folds = Math.min(foldCount, countUsers(sample));
  if (folds < 2) return undefined;
  const result = new Float64Array(sample.labels.length);
  const rows = Uint32Array.from(sample.labels, (_, row) => row);
  for (let fold = 0; fold < folds; fold++) {
    const held = rows.filter((row) => sample.users[row]! % folds === fold);
    const others = rows.filter((row) => sample.users[row]! % folds !== fold);
    const values = fit(subset(sample, others), subset(sample, held));
    for (let i = 0; i < held.length; i++) result[held[i]!] = values[i]!;
  }
  return result;
}

/** Some of the rows of a sample. @param rows places in it */
export function subset(
  { rows: places, pCrm, pLlm, labels, users, signals }: Sample,
  rows: Uint32Array,
): Sample {
  return {
    rows: rows.map((row) => places[row]!),
    pCrm: Float64Array.from(rows, (row) => pCrm[row]!),
    pLlm: Float64Array.from(rows, (row) => pLlm[row]!),
    labels: Uint8Array.from(rows, (row) => labels[row]!),
    users: rows.map((row) => users[row]!),
    signals: signals && signalsAtRows(signals, rows),
  };
}

function countUsers({ users }: Pick<Sample, "users">): number {
  return new Set(users).size;
}

/** The mean of a value by row, with a standard error that takes the sum of a user's rows for one observation. */
export function estimateByUser(values: Float64Array, users: Uint32Array): Estimate {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
  const sums = sumsByUser(
    values.map((value) => value - mean),
    users,
  );
  const variance = sums.reduce((sum, value) => sum + value * value, 0) * smallSample(sums.length);
  return { mean, standardError: sums.length < 2 ? Infinity : Math.sqrt(variance) / values.length };
}

/** The sum of a value over the rows of each user. */
export function sumsByUser(values: Float64Array, users: Uint32Array): number[] {
  const sums = new Map<number, number>();
  for (let row = 0; row < values.length; row++)
    sums.set(users[row]!, (sums.get(users[row]!) ?? 0) + values[row]!);
  return [...sums.values()];
}

/** n / (n - 1) of n users: the squares of so few are too small by that. */
export function smallSample(users: number): number {
  return users / Math.max(users - 1, 1);
}

/** The logloss of one row in nats, with p kept 2^-24 from 0 and 1 as `logit` does. */
export function rowLoss(p: number, label: number): number {
  const clipped = Math.min(Math.max(p, 2 ** -24), 1 - 2 ** -24);
  return label === 1 ? -Math.log(clipped) : -Math.log1p(-clipped);
}
