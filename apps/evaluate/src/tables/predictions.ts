import type { FinishedRun } from "@corella/alignment";
import type { SeededPredictions, SeedValidation } from "@corella/evaluation";

/** Predictions of one part of the data, as a run keeps them. */
type Part = FinishedRun["result"]["test"];

/** The runs of a variant, one a seed; none where it was not asked for. */
export function runsOf(runs: readonly FinishedRun[], id: string): FinishedRun[] {
  return runs.filter(({ variant }) => variant.id === id);
}

/** What one of a run's models says of rows, all of which the run has scored. */
export function saidOf(part: Part, name: string, rows: Uint32Array): Float32Array {
  const { probabilities } = part.predictions.find((each) => each.name === name)!;
  const places = new Map(Array.from(part.rows, (row, place) => [row, place]));
  return Float32Array.from(rows, (row) => probabilities[places.get(row)!]!);
}

/** How rows of the log are grouped into users, where intervals are made by users. */
export type GroupsOf = (rows: Uint32Array) => Int32Array | undefined;

/** A model over the seeds of a variant, as a row of a table. @param name of the predictions; default: what the run's bundle would give */
export function seeded(
  runs: readonly FinishedRun[],
  rows: Uint32Array,
  groupsOf: GroupsOf,
  { as, title, name }: { readonly as: string; readonly title: string; readonly name?: string },
): SeededPredictions {
  const chosen = runs.map(({ result }) => {
    const wanted = name ?? result.served;
    return { result, wanted, said: result.test.predictions.find((each) => each.name === wanted)! };
  });
  const validation = chosen.flatMap(({ result, wanted }): SeedValidation[] => {
    const part = result.validation;
    const found = part?.predictions.find((each) => each.name === wanted);
    if (part === undefined || found === undefined || part.rows.length === 0) return [];
    return [{ probabilities: found.probabilities, labels: part.labels, groups: groupsOf(part.rows) }];
  });
  return {
    name: as,
    title,
    seeds: chosen.map(({ result, wanted }) => saidOf(result.test, wanted, rows)),
    ...(validation.length === chosen.length ? { validation } : {}),
    shareToLlm: mean(chosen.map(({ said }) => said.shareToLlm)),
    trainingMinutes: mean(chosen.map(({ result }) => result.trainingSeconds / 60)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
