import { mkdir } from "node:fs/promises";
import { createRuntime } from "@corella/engine";
import { writeFileAtomic } from "@corella/files";
import { prepareData } from "../data.ts";
import { stepOfRung } from "./rungs.ts";
import { startClock } from "./spent.ts";
import { readTrialResult, resultFile, type TrialResult, type TrialSpec } from "./trial-spec.ts";
import { bestOf, runTrial, type TrialHooks, type TrialRecord } from "./trial.ts";
import { runWholeTrial } from "./whole-trial.ts";

/** How a unit runs here. */
export interface TrialUnitOptions extends Pick<TrialHooks, "signal" | "waiting" | "stepDone"> {
  /** The process was started for this unit: what that took counts, too. */
  readonly ownProcess?: boolean;
  /** Default: `prepareData`. For processes that run several units of the same data. */
  readonly prepare?: typeof prepareData;
}

/**
 * Trains a trial from its checkpoint to the end of a rung and leaves its result, written to a temporary name, fsynced and renamed. It
 * may be attempted any number of times, also where another attempt was killed or still runs: all end in one result.
 * @throws CorellaError `train/interrupted` when the signal is aborted, and those of training except `train/diverged`, which is a result
 */
export async function runTrialUnit(spec: TrialSpec, options: TrialUnitOptions = {}): Promise<TrialResult> {
  const { folder } = spec;
  await mkdir(folder, { recursive: true });
  const note = startClock(folder, options.ownProcess ?? false);
  try {
    const found = await readTrialResult(spec);
    if (found !== undefined) return found;
    const hooks: TrialHooks = {
      ...options,
      async validated() {
        await note();
        return true;
      },
    };
    const result =
      spec.kind === "crm"
        ? await trainCrmStage(spec, hooks, options.prepare ?? prepareData)
        : await runWholeTrial(spec, hooks);
    await writeFileAtomic(resultFile(spec), `${JSON.stringify(result)}\n`);
    return result;
  } finally {
    await note();
  }
}

async function trainCrmStage(
  spec: TrialSpec,
  hooks: TrialHooks,
  prepare: typeof prepareData,
): Promise<TrialResult> {
  const { config, baseFolder, cacheFolder, folder, epochs, test } = spec;
  const data = await prepare(config, baseFolder, cacheFolder);
  const runtime = await createRuntime(config.runtime);
  const trial = { config, folder, test, epochs: epochs ?? undefined };
  return untilRung(await runTrial(trial, data, runtime, hooks), spec);
}

/** A record as it was at the end of a rung: an earlier search may have trained further. */
function untilRung(record: TrialRecord, { config, epochs, test }: TrialSpec): TrialResult {
  const { stepsPerEpoch, validations, steps, status, test: figures } = record;
  const end =
    epochs === null ? Number.POSITIVE_INFINITY : stepOfRung(epochs, stepsPerEpoch, config.stages.warmUp);
  const seen = validations.filter(({ step }) => step <= end);
  const isWhole = status === "finished" ? steps <= end : status === "diverged" && steps < end;
  return {
    status: isWhole ? (status as "finished" | "diverged") : "paused",
    validations: seen,
    best: bestOf(seen),
    steps: isWhole ? steps : end,
    stepsPerEpoch,
    ...(test && figures !== undefined ? { test: figures } : {}),
  };
}
