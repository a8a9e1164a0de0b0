import { CorellaError } from "@corella/errors";

/** Scores, probabilities or labels, one a row: a typed array of any kind, or a plain array. */
export type Numbers = ArrayLike<number>;

/**
 * The scores as float64, checked: infinite scores rank, NaN does not.
 * @throws CorellaError `metrics/not-a-number`, naming the row
 */
export function checkedScores(scores: Numbers, name = "scores"): Float64Array {
  const checked = Float64Array.from(scores);
  const row = checked.findIndex(Number.isNaN);
  if (row >= 0) {
    throw new CorellaError({
      code: "metrics/not-a-number",
      message: `A score is not a number.`,
      place: `${name}, row ${row}`,
      remedy: "Look for a diverged training run (NaN loss) or a missing value.",
    });
  }
  return checked;
}

/**
 * The probabilities as float64, checked to lie in [0, 1].
 * @throws CorellaError `metrics/not-a-probability`, naming the row
 */
export function checkedProbabilities(probabilities: Numbers, name = "probabilities"): Float64Array {
  const checked = Float64Array.from(probabilities);
  const row = checked.findIndex((p) => !(p >= 0 && p <= 1));
  if (row >= 0) {
    throw new CorellaError({
      code: "metrics/not-a-probability",
      message: `The value ${checked[row]} is not a probability.`,
      place: `${name}, row ${row}`,
      remedy: "Apply the sigmoid to logits first.",
    });
  }
  return checked;
}

/**
 * The labels as bytes, checked to be 0 or 1 and as many as `count`.
 * @throws CorellaError `metrics/bad-label`, `metrics/length-mismatch`
 */
export function checkedLabels(labels: Numbers, count: number): Uint8Array {
  checkSameLength(count, labels.length, "labels");
  const checked = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const label = labels[row]!;
    if (label === 1) checked[row] = 1;
    else if (label !== 0) {
      throw new CorellaError({
        code: "metrics/bad-label",
        message: `The label ${label} is neither 0 nor 1.`,
        place: `labels, row ${row}`,
        remedy: "Turn ratings into labels first (for example positive = rating >= 4).",
      });
    }
  }
  return checked;
}

/**
 * Refuses arrays that do not have one value a row.
 * @param name what there are `other` of, for the message
 * @throws CorellaError `metrics/length-mismatch`
 */
export function checkSameLength(count: number, other: number, name: string): void {
  if (count === other) return;
  throw new CorellaError({
    code: "metrics/length-mismatch",
    message: `There are ${other} ${name} for ${count} rows.`,
    place: name,
    remedy: "Give one value a row, in the same order.",
  });
}

/**
 * Refuses an argument that is no whole number of at least `smallest`.
 * @throws CorellaError `metrics/bad-argument`
 */
export function checkWholeNumber(value: number, smallest: number, name: string): void {
  if (Number.isSafeInteger(value) && value >= smallest) return;
  throw new CorellaError({
    code: "metrics/bad-argument",
    message: `${name} is ${value}, and must be a whole number of at least ${smallest}.`,
    place: name,
  });
}

/**
 * Refuses a coverage that is not between 0 and 1.
 * @throws CorellaError `metrics/bad-argument`
 */
export function checkLevel(level: number): void {
  if (level > 0 && level < 1) return;
  throw new CorellaError({
    code: "metrics/bad-argument",
    message: `level is ${level}, and must be between 0 and 1.`,
    place: "level",
    remedy: "Give 0.95 for a 95 % interval.",
  });
}
