import type { TriedConfig } from "./tune.ts";

/** Mean and standard deviation (of the sample, n - 1). */
export interface Spread {
  readonly mean: number;
  /** NaN for a single value. */
  readonly deviation: number;
}

/** Mean and standard deviation of a sample. @param values at least one */
export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}

/** A row of the paper's table 1 over several seeds. */
export interface SeedFigures {
  readonly auc: Spread;
  readonly logLoss: Spread;
  readonly accuracy: Spread;
  readonly validationAuc: Spread;
}

/** @param seeds with their test part scored */
export function seedFigures(seeds: readonly TriedConfig[]): SeedFigures {
  const tests = seeds.map(({ record }) => record.test!);
  return {
    auc: spread(tests.map(({ auc }) => auc)),
    logLoss: spread(tests.map(({ logLoss }) => logLoss)),
    accuracy: spread(tests.map(({ accuracy }) => accuracy)),
    validationAuc: spread(seeds.map(({ record }) => record.best!.score)),
  };
}
