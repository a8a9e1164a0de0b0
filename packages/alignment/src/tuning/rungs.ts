import type { RunConfig } from "../config/config.ts";
import { validateEvery } from "../crm/crm-training.ts";
import type { AshaRule } from "./search-space.ts";

/** How far trials are trained in each rung: epochs of the CRM stage, and `null` to the end of the training. */
export type RungEnds = readonly (number | null)[];

/**
 * The ends of rungs: the first after `rule.firstEpochs`, each next one after `rule.factor` times as many, and the last at the
 * end of a training, however long it is. Without `firstEpochs` the first is where three rungs fit the longest training, but not before a first
 * validation.
 * @param trainings the CRM stages of the trials
 */
export function rungEnds(
  { factor, firstEpochs }: AshaRule,
  trainings: readonly Pick<RunConfig["stages"]["warmUp"], "epochs" | "validationsPerEpoch">[],
): RungEnds {
  const longest = Math.max(...trainings.map(({ epochs }) => epochs));
  const validated = Math.max(...trainings.map(({ validationsPerEpoch }) => 1 / validationsPerEpoch));
  const ends: (number | null)[] = [];
  const first = firstEpochs ?? Math.max(longest / factor ** 2, validated);
  for (let end = first; end < longest * (1 - rounding); end *= factor) ends.push(end);
  return [...ends, null];
}

/** In parts of a number of epochs, which are computed. */
const rounding = 1e-9;

/** The step of the validation that is nearest to the end of a rung; at least the first one. */
export function stepOfRung(
  epochs: number,
  stepsPerEpoch: number,
  settings: RunConfig["stages"]["warmUp"],
): number {
  const every = validateEvery(settings, stepsPerEpoch);
  return Math.max(1, Math.round((epochs * stepsPerEpoch) / every)) * every;
}
