import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CorellaError } from "@corella/errors";
import { writeFileAtomic } from "@corella/files";
import type { PlannedTrial, PlanOptions } from "./plan.ts";
import type { TrialKind } from "./search-space.ts";
import { readTrialResult, resultFile, trialSpec, type TrialResult, type TrialSpec } from "./trial-spec.ts";

/** A unit of work that is to be placed: `runTrialUnit` of what a file says. */
export interface PlacedUnit {
  /** Names trial and rung; the same for every attempt. */
  readonly id: string;
  /** The file of its `TrialSpec`. */
  readonly specFile: string;
}

/** Runs a unit somewhere, and resolves when it has succeeded once. @throws what ended it for good */
export type RunUnit = (unit: PlacedUnit, options: { readonly signal: AbortSignal }) => Promise<void>;

/** What the specs of units are made of, and who runs them. */
export interface UnitPlaces extends Pick<PlanOptions, "baseFolder" | "cacheFolder"> {
  readonly runUnit: RunUnit;
  /** Of each unit; default: as the configuration says. */
  readonly threads?: number | undefined;
}

/** A trial with how far it is to be trained. */
export interface Wanted {
  readonly trial: PlannedTrial;
  readonly epochs: number | null;
  readonly test: boolean;
}

export interface Taken {
  readonly result: TrialResult;
  /** It was there before it was asked for. */
  readonly reused: boolean;
}

/** Where results come from. */
export interface UnitResults {
  /** The result that is there already. */
  found(wanted: Wanted): Promise<TrialResult | undefined>;
  /** The result that is there, or that of a unit. */
  get(wanted: Wanted, signal: AbortSignal): Promise<Taken>;
}

/** Files of other machines may come into sight a little later than the news of them. */
const arrivalMs = 10_000;

/** @param searchFolder gets the specs of units */
export function createUnitResults(
  kind: TrialKind,
  searchFolder: string,
  { runUnit, baseFolder, cacheFolder, threads }: UnitPlaces,
): UnitResults {
  const fileOf = ({ trial, epochs, test }: Wanted): Pick<TrialSpec, "folder" | "epochs" | "test"> => {
    return { folder: trial.folder, epochs, test };
  };
  const arrived = async (wanted: Wanted): Promise<TrialResult> => {
    for (const startedMs = performance.now(); ; await delay(200)) {
      const result = await readTrialResult(fileOf(wanted));
      if (result !== undefined) return result;
      if (performance.now() - startedMs > arrivalMs) throw noResult(resultFile(fileOf(wanted)));
    }
  };
  return {
    found: (wanted) => readTrialResult(fileOf(wanted)),
    async get(wanted, signal) {
      const before = await readTrialResult(fileOf(wanted));
      if (before !== undefined) return { result: before, reused: true };
      const { trial, epochs, test } = wanted;
      const id = `${trial.key}-${epochs ?? "whole"}${test ? "-test" : ""}`;
      const specFile = join(searchFolder, `${id}.json`);
      const { runtime } = trial.config;
      const config = { ...trial.config, runtime: { ...runtime, threads: threads ?? runtime.threads } };
      const spec = { kind, config, baseFolder, cacheFolder, ...fileOf(wanted) };
      await writeFileAtomic(specFile, `${JSON.stringify(await trialSpec(spec), undefined, 1)}\n`);
      await runUnit({ id, specFile }, { signal });
      return { result: await arrived(wanted), reused: false };
    },
  };
}

function noResult(file: string): CorellaError {
  return new CorellaError({
    code: "tune/no-unit-result",
    message: "A unit has ended well, and its result is not there.",
    place: file,
    remedy: "The folder of trials (--trials) must be the same storage, at the same path, on every machine.",
  });
}
