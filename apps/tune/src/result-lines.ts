import type { TriedConfig } from "@corella/alignment";

/** A JSON line for each trial of the search, and for each seed of the best configuration. */
export function resultLines(search: readonly TriedConfig[], seeds: readonly TriedConfig[]): string {
  const line = (
    part: "search" | "seeds",
    { settings, config, key, record, rung, cpuSeconds }: TriedConfig,
  ): string => {
    const { status, best, steps, stepsPerEpoch, seconds, validations, test } = record;
    return JSON.stringify({
      part,
      key,
      model: config.crm.model,
      settings,
      seed: config.seed,
      status,
      rung,
      cpuSeconds: cpuSeconds === undefined ? undefined : Math.round(cpuSeconds * 100) / 100,
      validationAuc: best?.score,
      validationLogLoss: best?.figures?.["logLoss"],
      bestStep: best?.step,
      steps,
      stepsPerEpoch,
      seconds: Math.round(seconds * 10) / 10,
      validations: validations.map(({ step, score }) => [step, score]),
      test,
    });
  };
  return [
    ...search.map((trial) => `${line("search", trial)}\n`),
    ...seeds.map((trial) => `${line("seeds", trial)}\n`),
  ].join("");
}
