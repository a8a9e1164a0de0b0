import { CorellaError } from "@corella/errors";
import { logLoss } from "@corella/metrics";
import { enumerateTrials, parseSearch } from "../tuning/search-space.ts";
import type { FinishedRun } from "./run-experiments.ts";
import type { Variant } from "./variant.ts";

/**
 * A variant for every combination of some settings' values.
 * @param search values, or ranges with steps, by the paths of settings @param place where they come from, for errors
 * @throws CorellaError those of `parseSearch`
 */
export function gridVariants(search: Readonly<Record<string, unknown>>, place: string): Variant[] {
  return enumerateTrials(parseSearch({ search }, place)).map((settings) => {
    const title = Object.entries(settings)
      .map(([path, value]) => `${path}=${typeof value === "string" ? value : JSON.stringify(value)}`)
      .join(" ");
    return { id: `grid ${title}`, title, settings };
  });
}

/** A run of a grid, and the logloss of what it serves on the rows of the validation part that it has scored. */
export interface GridPoint {
  readonly run: FinishedRun;
  readonly validationLogLoss: number;
}

/**
 * The runs of a grid by the logloss of what they serve on the validation part, the best first. A router was fitted on
 * the same rows, in every run alike.
 * @throws CorellaError `experiments/no-validation` of data without a validation part
 */
export function rankGrid(runs: readonly FinishedRun[]): GridPoint[] {
  const points = runs.map((run) => {
    const { validation, served } = run.result;
    const said = validation?.predictions.find(({ name }) => name === served);
    if (validation === undefined || said === undefined) throw noValidation(run);
    return { run, validationLogLoss: logLoss(said.probabilities, validation.labels) };
  });
  return points.toSorted((a, b) => a.validationLogLoss - b.validationLogLoss);
}

function noValidation({ config }: FinishedRun): CorellaError {
  return new CorellaError({
    code: "experiments/no-validation",
    message: `The validation part of ${config.name}, by which settings are chosen, has no rows.`,
    place: "data.split",
    remedy: "Give the validation part a share, for example [0.8, 0.1, 0.1].",
  });
}
