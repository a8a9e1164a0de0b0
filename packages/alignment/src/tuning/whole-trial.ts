import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { auc, logLoss } from "@corella/metrics";
import type { PartPredictions } from "../predictions.ts";
import { recipes } from "../recipes/recipes.ts";
import { createRun } from "../run.ts";
import { prepareRun } from "../train.ts";
import type { TrialResult, TrialSpec } from "./trial-spec.ts";
import { claimInTurn, testFigures, type TrialHooks } from "./trial.ts";

/**
 * Runs the whole recipe of a configuration, each phase from its checkpoint, and judges what it serves by the AUC on the validation
 * rows that the recipe has scored. Unless the test part is asked for, next to nothing of it is scored.
 * @throws CorellaError `tune/no-validation` of a recipe that scores no such rows, `train/interrupted`, and those of training
 * except `train/diverged`, which is a result here
 */
export async function runWholeTrial(spec: TrialSpec, hooks: TrialHooks): Promise<TrialResult> {
  const { folder, baseFolder, cacheFolder, test } = spec;
  const config = test ? spec.config : { ...spec.config, testSamples: 1 };
  const { signal } = hooks;
  let steps = 0;
  const release = await claimInTurn(folder, hooks);
  try {
    const prepared = await prepareRun(config, {
      baseFolder,
      cacheFolder,
      ...(signal === undefined ? {} : { signal }),
      listener: {
        stepDone: (phase) => (phase === "scoring" ? undefined : hooks.stepDone?.((steps += 1))),
        validated: async (_, result) => void (await hooks.validated?.(result)),
      },
    });
    const run = createRun({
      ...prepared,
      checkpointFolder: (phase) => join(folder, "checkpoints", phase),
      scoresFolder: join(folder, "checkpoints", "scores"),
    });
    const result = await recipes[config.recipe](run);
    const total = run.phases.reduce((sum, phase) => sum + phase.steps, 0);
    const seen = served(result.validation, result.served, spec);
    const best = {
      step: total,
      score: auc(seen.probabilities, seen.labels),
      figures: { logLoss: logLoss(seen.probabilities, seen.labels) },
    };
    const asked = test ? served(result.test, result.served, spec) : undefined;
    return {
      status: "finished",
      validations: [best],
      best,
      steps: total,
      stepsPerEpoch: 0,
      ...(asked === undefined
        ? {}
        : { test: testFigures(asked.probabilities, asked.labels, asked.rows, prepared.data) }),
    };
  } catch (error) {
    const code = CorellaError.isInstance(error) ? error.code : "";
    if (code === "train/diverged")
      return { status: "diverged", validations: [], best: undefined, steps: 0, stepsPerEpoch: 0 };
    if (signal?.aborted === true && code === "") throw interrupted(folder);
    throw error;
  } finally {
    await release();
  }
}

interface Served extends Omit<PartPredictions, "predictions"> {
  readonly probabilities: Float32Array;
}

/** What the bundle of a run would answer. */
function served(part: PartPredictions | undefined, name: string, { config, folder }: TrialSpec): Served {
  const said = part?.predictions.find((each) => each.name === name);
  if (part === undefined || said === undefined || new Set(part.labels).size < 2)
    throw new CorellaError({
      code: "tune/no-validation",
      message: `The recipe ${config.recipe} has scored no rows of both classes by which its trials could be compared.`,
      place: folder,
      remedy:
        "Give the validation and the test part more users (data.split), or raise routing.validationSamples.",
    });
  return { rows: part.rows, labels: part.labels, probabilities: said.probabilities };
}

/** Of a signal that came while rows were scored. */
function interrupted(folder: string): CorellaError {
  return new CorellaError({
    code: "train/interrupted",
    message: "Interrupted while the models of a trial were scoring.",
    place: folder,
  });
}
