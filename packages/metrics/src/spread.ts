/** Mean and standard deviation (of the sample, n - 1). */
export interface Spread {
  readonly mean: number;
  /** NaN for a single value. */
  readonly deviation: number;
}

/** Mean and standard deviation of a sample, for example of a figure over seeds. @param values at least one */
export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}
