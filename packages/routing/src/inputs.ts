import { CorellaError } from "@corella/errors";
import type { Numbers } from "@corella/metrics";

/**
 * Refuses values outside [0, 1].
 * @param name of the array, for the place
 * @throws CorellaError `routing/not-a-probability` naming the row.
 */
export function checkProbabilities(probabilities: Numbers, name: string): void {
  for (let row = 0; row < probabilities.length; row++) {
    const p = probabilities[row]!;
    if (p >= 0 && p <= 1) continue;
    throw new CorellaError({
      code: "routing/not-a-probability",
      message: `The value ${p} is not a probability.`,
      place: `${name}, row ${row}`,
      remedy: "Apply the sigmoid to logits first; NaN comes from a diverged model.",
    });
  }
}

/**
 * Refuses arrays that do not have one value a row.
 * @param name what there are `other` of, for the message
 * @throws CorellaError `routing/length-mismatch`.
 */
export function checkSameLength(count: number, other: number, name: string): void {
  if (count === other) return;
  throw new CorellaError({
    code: "routing/length-mismatch",
    message: `There are ${other} ${name} for ${count} rows.`,
    place: name,
    remedy: "Give one value a row, in the same order.",
  });
}

/**
 * Refuses row numbers that do not ascend strictly below `count`.
 * @throws CorellaError `routing/bad-rows`.
 */
export function checkRows(rows: Uint32Array, count: number): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (row < count && (i === 0 || rows[i - 1]! < row)) continue;
    throw new CorellaError({
      code: "routing/bad-rows",
      message: `Row number ${row} does not ascend within the batch of ${count}.`,
      place: `rows, position ${i}`,
      remedy: "Give the `toLlm` that `route` returned for the same batch.",
    });
  }
}

/**
 * Refuses a share outside [0, 1].
 * @throws CorellaError `routing/bad-policy`.
 */
export function checkShare(share: number): void {
  if (share >= 0 && share <= 1) return;
  throw new CorellaError({
    code: "routing/bad-policy",
    message: `The share ${share} is not between 0 and 1.`,
    place: "share",
    remedy: "Give 0.3 for 30 % of the samples.",
  });
}

/** Rows of a share of so many: rounded down, but 0.29 x 100 = 28.999999999999996 is 29. */
export function rowsOfShare(share: number, count: number): number {
  return Math.floor(share * count + 1e-9);
}
