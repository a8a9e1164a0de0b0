import { spread, type Spread } from "@corella/metrics";
import type { TriedConfig } from "./tune.ts";

/** A row of the paper's table 1 over several seeds. */
export interface SeedFigures {
  readonly auc: Spread;
  readonly logLoss: Spread;
  readonly accuracy: Spread;
  readonly groupAuc: Spread;
  readonly calibrationError: Spread;
  readonly validationAuc: Spread;
  readonly validationLogLoss: Spread;
}

/** @param seeds with their test part scored */
export function seedFigures(seeds: readonly TriedConfig[]): SeedFigures {
  const tests = seeds.map(({ record }) => record.test!);
  return {
    auc: spread(tests.map(({ auc }) => auc)),
    logLoss: spread(tests.map(({ logLoss }) => logLoss)),
    accuracy: spread(tests.map(({ accuracy }) => accuracy)),
    groupAuc: spread(tests.map(({ groupAuc }) => groupAuc ?? Number.NaN)),
    calibrationError: spread(tests.map(({ calibrationError }) => calibrationError)),
    validationLogLoss: spread(seeds.map(({ record }) => record.best!.figures?.["logLoss"] ?? Number.NaN)),
    validationAuc: spread(seeds.map(({ record }) => record.best!.score)),
  };
}
