import { CorellaError } from "@corella/errors";
import type { Numbers } from "@corella/metrics";
import { predictionEntropy } from "./entropy.ts";
import { checkSameLength } from "./inputs.ts";
import { countNames, type CountName, type RoutingSignals } from "./signals.ts";

/** Predicts by how much the LLM lowers the logloss of a sample, in nats. */
export interface GainModel {
  /** Longer histories count as this long. */
  readonly longestHistory: number;
  /** The counts that are read beside entropy and history, larger ones as `most`; absent: none. */
  readonly counts?: readonly { readonly of: CountName; readonly most: number }[] | undefined;
  /** Of `inputsOf`. */
  readonly coefficients: readonly number[];
}

/** What a gain model reads, and on which scale. */
export type GainInputs = Pick<GainModel, "longestHistory" | "counts">;

/** How many coefficients a model of some inputs has. */
export function coefficientCount({ counts = [] }: GainInputs): number {
  return 6 + 3 * counts.length;
}

/** The inputs that signals allow. @param longestHistory the longest that is told */
export function gainInputs(signals: RoutingSignals | undefined, longestHistory: number): GainInputs {
  const counts = countNames.flatMap((of) => {
    const values = signals?.[of];
    return values === undefined ? [] : [{ of, most: Array.from(values).reduce((a, b) => Math.max(a, b), 0) }];
  });
  return counts.length === 0 ? { longestHistory } : { longestHistory, counts };
}

/**
 * What coefficients are of, for each row: the constant, e, e^2, h, h^2 and e h; then c, c^2 and e c of each count. e: entropy
 * in parts of log 2; h and c: logarithms of the history's length and the count in parts of the largest's. All are in [0, 1].
 * @throws CorellaError `routing/length-mismatch`, `routing/bad-policy` where signals are missing
 */
export function inputsOf(
  pCrm: Numbers,
  { longestHistory, counts = [] }: GainInputs,
  signals: RoutingSignals | undefined,
): Float64Array[] {
  const read = [
    { of: "historyLengths" as const, most: longestHistory },
    ...counts.map(({ of, most }) => ({ of, most })),
  ].map(({ of, most }) => {
    const values = signals?.[of];
    if (values === undefined) throw missing(of);
    checkSameLength(pCrm.length, values.length, of);
    return { values, most };
  });
  return Array.from(pCrm, (p, row) => {
    const e = predictionEntropy(p) / Math.LN2;
    const inputs = [1, e, e * e];
    for (const { values, most } of read) {
      const x = Math.log1p(Math.min(values[row]!, most)) / Math.log1p(Math.max(most, 1));
      inputs.push(x, x * x, e * x);
    }
    return Float64Array.from(inputs);
  });
}

/**
 * The predicted gain of each row, as `route` compares it with a threshold.
 * @throws CorellaError `routing/length-mismatch`, `routing/bad-policy` where the signals are missing or the model is none
 */
export function predictedGains(
  pCrm: Numbers,
  model: GainModel,
  signals: RoutingSignals | undefined,
): Float32Array {
  const { coefficients } = model;
  if (coefficients.length !== coefficientCount(model)) {
    throw new CorellaError({
      code: "routing/bad-policy",
      message: "The gain model has another number of coefficients.",
      place: "gain",
      remedy: "Fit it on validation rows with `fitRouter`.",
    });
  }
  return Float32Array.from(inputsOf(pCrm, model, signals), (inputs) => dot(inputs, coefficients));
}

function missing(signal: string): CorellaError {
  return new CorellaError({
    code: "routing/bad-policy",
    message: `A learned policy needs the samples' ${signal}.`,
    place: "gain",
    remedy: `Give \`${signal}\`, one a row.`,
  });
}

/** The inner product of two rows of numbers. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
