import { CorellaError } from "@corella/errors";
import { normalTwoSided, studentTQuantile, studentTTwoSided } from "./distributions.ts";
import { checkedLabels, checkedScores, checkLevel, checkSameLength, type Numbers } from "./inputs.ts";
import { midranks } from "./ranking.ts";
import { mean } from "./summary.ts";

/** The AUCs of two scores and what DeLong's test says of their difference. */
export interface DelongResult {
  readonly aucA: number;
  readonly aucB: number;
  /** aucA - aucB */
  readonly difference: number;
  readonly standardError: number;
  readonly z: number;
  /** Two-sided. */
  readonly pValue: number;
}

/**
 * DeLong's test that two scores of the same rows have the same AUC, in O(n log n).
 * All NaN but the AUCs when a class has fewer than two rows; identical rankings give z = 0, p = 1.
 * Sources: DeLong et al., Biometrics 1988; Sun & Xu, IEEE Signal Processing Letters 2014, algorithm 2.
 * @throws CorellaError `metrics/not-a-number`, `metrics/bad-label`, `metrics/length-mismatch`.
 */
export function delongTest(scoresA: Numbers, scoresB: Numbers, labels: Numbers): DelongResult {
  const checkedA = checkedScores(scoresA, "scoresA");
  const checkedB = checkedScores(scoresB, "scoresB");
  checkSameLength(checkedA.length, checkedB.length, "scoresB");
  const checkedLabel = checkedLabels(labels, checkedA.length);
  const a = placements(checkedA, checkedLabel);
  const b = placements(checkedB, checkedLabel);
  const aucA = mean(a.ofPositives);
  const aucB = mean(b.ofPositives);
  const difference = aucA - aucB;
  const variance =
    varianceOfMeanDifference(a.ofPositives, b.ofPositives) +
    varianceOfMeanDifference(a.ofNegatives, b.ofNegatives);
  const standardError = Math.sqrt(variance);
  const z = ratio(difference, standardError);
  return { aucA, aucB, difference, standardError, z, pValue: normalTwoSided(z) };
}

interface Placements {
  /** V10: for each positive, the share of negatives below it. Its mean is the AUC. */
  readonly ofPositives: Float64Array;
  /** V01: for each negative, the share of positives above it. */
  readonly ofNegatives: Float64Array;
}

/** A row's rank among all rows, less its rank within its class, counts the other class's rows below it. */
function placements(scores: Float64Array, labels: Uint8Array): Placements {
  const ranks = midranks(scores);
  const isPositive = (_: number, row: number): boolean => labels[row] === 1;
  const isNegative = (_: number, row: number): boolean => labels[row] === 0;
  const positiveRanks = ranks.filter(isPositive);
  const negativeRanks = ranks.filter(isNegative);
  const withinPositives = midranks(scores.filter(isPositive));
  const withinNegatives = midranks(scores.filter(isNegative));
  return {
    ofPositives: positiveRanks.map((rank, i) => (rank - withinPositives[i]!) / negativeRanks.length),
    ofNegatives: negativeRanks.map((rank, i) => 1 - (rank - withinNegatives[i]!) / positiveRanks.length),
  };
}

/** What Student's t test says of paired values. */
export interface PairedTTestResult {
  /** Mean of a - b. */
  readonly meanDifference: number;
  /** Standard deviation of a - b among the pairs, with n - 1 below. */
  readonly deviation: number;
  readonly standardError: number;
  /** The interval of the mean difference at the chosen level: Student's t times the standard error to both sides. */
  readonly low: number;
  readonly high: number;
  readonly t: number;
  readonly degreesOfFreedom: number;
  /** Two-sided. */
  readonly pValue: number;
}

/**
 * Student's t test that the mean of a - b is zero, for values that belong together (the same seed, the same fold), and
 * the interval of that mean. It says what another seed would change, on the same test rows.
 * @param level coverage of the interval
 * @throws CorellaError `metrics/length-mismatch`, `metrics/not-a-number`, `metrics/bad-argument`; `metrics/too-few` below
 * two pairs.
 */
export function pairedTTest(a: Numbers, b: Numbers, level = 0.95): PairedTTestResult {
  checkLevel(level);
  const checkedA = checkedScores(a, "a");
  const checkedB = checkedScores(b, "b");
  checkSameLength(checkedA.length, checkedB.length, "b");
  if (checkedA.length < 2) {
    throw new CorellaError({
      code: "metrics/too-few",
      message: `A paired t test takes two pairs at least, and there are ${checkedA.length}.`,
      remedy: "Train with more seeds.",
    });
  }
  const meanDifference = mean(checkedA.map((value, i) => value - checkedB[i]!));
  const standardError = Math.sqrt(varianceOfMeanDifference(checkedA, checkedB));
  const t = ratio(meanDifference, standardError);
  const degreesOfFreedom = checkedA.length - 1;
  const halfWidth = studentTQuantile(1 - level, degreesOfFreedom) * standardError;
  return {
    meanDifference,
    deviation: standardError * Math.sqrt(checkedA.length),
    standardError,
    low: meanDifference - halfWidth,
    high: meanDifference + halfWidth,
    t,
    degreesOfFreedom,
    pValue: studentTTwoSided(t, degreesOfFreedom),
  };
}

/** The sample variance of a - b over the number of pairs. NaN below two pairs. */
function varianceOfMeanDifference(a: Float64Array, b: Float64Array): number {
  const differences = a.map((value, i) => value - b[i]!);
  const center = mean(differences);
  const squares = differences.map((value) => (value - center) ** 2);
  return (mean(squares) * squares.length) / (squares.length - 1) / squares.length;
}

/** No difference is no evidence, even where there is no variance either. */
function ratio(difference: number, standardError: number): number {
  return difference === 0 && standardError === 0 ? 0 : difference / standardError;
}
