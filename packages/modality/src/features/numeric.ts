import { firstValueId, oovId } from "./vocabulary.ts";

/**
 * A numeric transform after fitting; plain data that goes into the bundle. `hasMissing`: training rows lacked the number, so
 * that a column of its own says where it is missing.
 */
export type FittedTransform =
  | { kind: "standard"; mean: number; deviation: number; hasMissing?: true | undefined }
  /**
   * `mean` is that of the training rows' logarithms, which a missing number has. Maps that were fitted before have none: 0,
   * as their models learned it.
   */
  | { kind: "log"; mean?: number | undefined; hasMissing?: true | undefined }
  /** Ascending; a value's bucket is the number of boundaries that are <= it. */
  | { kind: "buckets"; boundaries: number[] };

/** Fits to the present values; an empty sample gives the identity, and what is missing is 0. */
export function fitTransform(
  transform: "standard" | "log" | { buckets: number },
  values: Float64Array,
): FittedTransform {
  if (transform === "log") return { kind: "log", mean: meanAndDeviation(values.map(logarithm)).mean };
  if (transform === "standard") return { kind: "standard", ...meanAndDeviation(values) };
  const sorted = values.slice().sort();
  const boundaries: number[] = [];
  for (let bucket = 1; bucket < transform.buckets && sorted.length > 0; bucket++) {
    const boundary = sorted[Math.floor((bucket * sorted.length) / transform.buckets)]!;
    if (boundary > (boundaries.at(-1) ?? sorted[0]!)) boundaries.push(boundary);
  }
  return { kind: "buckets", boundaries };
}

/**
 * Standard: (x - mean) / deviation. Log: sign(x) ln(1 + |x|). A missing number is the mean of the transformed ones: 0 in
 * `standard`.
 */
export function transformNumber(fitted: FittedTransform, value: number | undefined): number {
  if (fitted.kind === "log") return value === undefined ? (fitted.mean ?? 0) : logarithm(value);
  if (value === undefined) return 0;
  if (fitted.kind === "standard") return (value - fitted.mean) / fitted.deviation;
  throw new Error("buckets have ids, not numbers");
}

/** The column that is 1 where the number of a feature is missing and 0 elsewhere; undefined where training rows all had it. */
export function missingColumn(name: string, fitted: FittedTransform): string | undefined {
  return fitted.kind !== "buckets" && fitted.hasMissing === true ? `${name}_missing` : undefined;
}

/** sign(x) ln(1 + |x|) */
function logarithm(value: number): number {
  return Math.sign(value) * Math.log1p(Math.abs(value));
}

/** The id of the bucket of a value: 1 when missing, else 2 + its bucket. */
export function bucketId(boundaries: readonly number[], value: number | undefined): number {
  if (value === undefined) return oovId;
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (boundaries[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return firstValueId + low;
}

function meanAndDeviation(values: Float64Array): { mean: number; deviation: number } {
  const moments = createMoments();
  for (const value of values) moments.add(value);
  return moments.fit();
}

/** Mean and deviation of numbers that are seen one after the other. */
export function createMoments(): { add(value: number): void; fit(): { mean: number; deviation: number } } {
  let mean = 0;
  let squares = 0;
  let size = 0;
  return {
    add(value) {
      size += 1;
      const difference = value - mean; // Welford's update
      mean += difference / size;
      squares += difference * (value - mean);
    },
    fit() {
      const deviation = size === 0 ? 1 : Math.sqrt(squares / size);
      return { mean, deviation: deviation > 0 ? deviation : 1 };
    },
  };
}
