import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { crmOf } from "@corella/bundle";
import { crmInferenceProgram, scoreBatches } from "@corella/crm";
import {
  runPhase,
  type PhaseOptions,
  type Runtime,
  type ValidationResult,
  type Values,
} from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { expectedCalibrationError, groupAuc, summary, type Summary } from "@corella/metrics";
import { claimFolder, writeFileAtomic } from "@corella/files";
import type { RunConfig } from "../config/config.ts";
import type { PreparedData } from "../data.ts";
import { crmTraining, labelledRows, namedCrm } from "../crm/crm-training.ts";
import { stepOfRung } from "./rungs.ts";

/** How a training of the CRM stage went. */
export interface TrialRecord {
  /** `stopped` early by the rule of a search, `paused` at the end of a rung; `interrupted` trials go on where they were, as all of these can. */
  readonly status: "finished" | "stopped" | "paused" | "diverged" | "interrupted";
  /** At the validation part. */
  readonly validations: readonly ValidationResult[];
  /** The validation whose values were kept. */
  readonly best: ValidationResult | undefined;
  /** Of a whole run those of its phases together. */
  readonly steps: number;
  /** Of the CRM stage; 0 of a whole run, whose phases have epochs of their own. */
  readonly stepsPerEpoch: number;
  /** Spent on it, over all calls. */
  readonly seconds: number;
  /** Only of trials that were asked for it, which a search does not do before it has chosen. */
  readonly test?: TestFigures;
}

/** Figures of the test part. */
export interface TestFigures extends Summary {
  /** GAUC: within users; NaN (null in JSON) where no user has both classes. */
  readonly groupAuc: number | null;
  /** ECE, of 15 bins. */
  readonly calibrationError: number;
}

/** What is to be trained, and where its checkpoint and record lie. */
export interface TrialRun {
  readonly config: RunConfig;
  readonly folder: string;
  /** Whether the test part is scored with the values of the best validation. */
  readonly test: boolean;
  /** It pauses at the validation that is nearest to so many epochs; default: it goes on to its end. */
  readonly epochs?: number | undefined;
}

/** What a trial tells while it trains, and how it is stopped. */
export interface TrialHooks {
  /** @param validations those of an earlier call that was interrupted */
  started?(phase: {
    steps: number;
    step: number;
    samplesPerStep: number;
    validations: readonly ValidationResult[];
  }): void;
  stepDone?(step: number): void;
  /** Another process trains the same trial; this one waits for it. */
  waiting?(): void;
  /** Whether the trial may go on. */
  validated?(result: ValidationResult): boolean | Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
}

const recordFile = "trial.json";
/** Where a trial's folder holds its checkpoint. */
export const checkpointFolder = "checkpoint";

/** The record of a folder; undefined when there is none. */
export async function readTrial(folder: string): Promise<TrialRecord | undefined> {
  const text = await readFile(join(folder, recordFile), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as TrialRecord);
}

/**
 * Trains the CRM stage of a configuration, judged on the validation part alone, from its checkpoint if there is one, to its end or to
 * where it pauses. What has come so far already is not trained again: its record may then tell of more.
 * @throws CorellaError `train/interrupted` when the signal is aborted, and those of training except `train/diverged`,
 * which is a result here. Where another process trains the same trial, it is waited for, and what it leaves is taken.
 */
export async function runTrial(
  { config, folder, test, epochs }: TrialRun,
  data: PreparedData,
  runtime: Runtime,
  hooks: TrialHooks = {},
): Promise<TrialRecord> {
  await mkdir(folder, { recursive: true });
  const { warmUp } = config.stages;
  const stepsPerEpoch = Math.ceil(data.split.train.length / warmUp.batchSize);
  const pauseAt = epochs === undefined ? Number.POSITIVE_INFINITY : stepOfRung(epochs, stepsPerEpoch, warmUp);
  const isFarEnough = (seen: readonly ValidationResult[]): boolean => (seen.at(-1)?.step ?? 0) >= pauseAt;
  const isDone = (found: TrialRecord | undefined): boolean =>
    found?.status === "diverged" ||
    (found?.status === "finished" && (!test || found.test !== undefined)) ||
    (found !== undefined && isFarEnough(found.validations));
  const before = await readTrial(folder);
  if (before !== undefined && isDone(before)) return before;
  const release = await claimInTurn(folder, hooks);
  // Perhaps whoever was before has finished it.
  const earlier = await readTrial(folder);
  if (earlier !== undefined && isDone(earlier)) {
    await release();
    return earlier;
  }
  const startedMs = performance.now();
  const validations: ValidationResult[] = [];
  let steps = 0;
  const record = async (status: TrialRecord["status"], figures?: TestFigures): Promise<TrialRecord> => {
    const best = bestOf(validations);
    const seconds = (earlier?.seconds ?? 0) + (performance.now() - startedMs) / 1000;
    const known = figures ?? earlier?.test;
    const made = {
      status,
      validations,
      best,
      steps,
      stepsPerEpoch,
      seconds,
      ...(known === undefined ? {} : { test: known }),
    };
    await writeFileAtomic(join(folder, recordFile), `${JSON.stringify(made, undefined, 1)}\n`);
    return made;
  };
  const crm = crmOf(config.crm, data.featureMap);
  const stopping = new AbortController();
  try {
    const options: PhaseOptions = {
      name: "crm",
      title: "CRM",
      folder: join(folder, checkpointFolder),
      checkpointEveryMs: config.checkpointEverySeconds * 1000,
      signal: AbortSignal.any([stopping.signal, ...(hooks.signal === undefined ? [] : [hooks.signal])]),
      listener: {
        phaseStarted(phase) {
          validations.push(...phase.validations);
          steps = phase.step;
          hooks.started?.(phase);
          if (isFarEnough(validations)) stopping.abort();
        },
        stepDone(_, step) {
          steps = step;
          hooks.stepDone?.(step);
        },
        async validated(_, latest) {
          validations.push(latest);
          const goesOn = (await hooks.validated?.(latest)) !== false;
          if (!goesOn || isFarEnough(validations)) stopping.abort();
        },
      },
    };
    const result = await runPhase(options, () => crmTraining({ config, data, runtime }, crm));
    validations.splice(0, validations.length, ...result.validations);
    steps = result.steps;
    const figures = test ? await scoreTest(crm, result.values, data, runtime) : undefined;
    return await record("finished", figures);
  } catch (error) {
    const code = CorellaError.isInstance(error) ? error.code : "";
    if (code === "train/diverged") return record("diverged");
    if (code !== "train/interrupted") throw error;
    if (hooks.signal?.aborted !== true) return record(isFarEnough(validations) ? "paused" : "stopped");
    await record("interrupted");
    throw error;
  } finally {
    await release();
  }
}

/** The first of the highest score: whose values were kept, which are not those before the first step. */
export function bestOf(validations: readonly ValidationResult[]): ValidationResult | undefined {
  return validations.filter(({ step }) => step > 0).toSorted((a, b) => b.score - a.score)[0];
}

/** How often a folder that another process has claimed is looked at. */
const lookEveryMs = 500;

/**
 * Claims a folder, as soon as no other process has it.
 * @throws CorellaError `train/interrupted` when the signal is aborted meanwhile
 */
export async function claimInTurn(
  folder: string,
  { waiting, signal }: Pick<TrialHooks, "waiting" | "signal">,
): Promise<() => Promise<void>> {
  for (let looks = 0; ; looks++) {
    try {
      return await claimFolder(folder);
    } catch (error) {
      if (!CorellaError.isInstance(error) || error.code !== "file/in-use") throw error;
    }
    if (looks === 0) waiting?.();
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    if (signal?.aborted === true) {
      throw new CorellaError({
        code: "train/interrupted",
        message: "Interrupted while another process trained the same.",
        place: folder,
      });
    }
  }
}

/** Figures of what a model says of rows of the test part. */
export function testFigures(
  probabilities: Float32Array,
  labels: Float32Array,
  rows: Uint32Array,
  { log }: Pick<PreparedData, "log">,
): TestFigures {
  const users = Array.from(rows, (row) => log.user[row]!);
  return {
    ...summary(probabilities, labels),
    groupAuc: groupAuc(probabilities, labels, users),
    calibrationError: expectedCalibrationError(probabilities, labels),
  };
}

async function scoreTest(
  crm: ReturnType<typeof crmOf>,
  values: Values,
  data: PreparedData,
  runtime: Runtime,
): Promise<TestFigures> {
  const rows = data.split.test;
  const { labels, batches } = labelledRows(data, rows);
  const inference = await runtime.infer(crmInferenceProgram(namedCrm(crm)), values);
  try {
    const probabilities = await scoreBatches(inference, batches(), labels.length);
    return testFigures(probabilities, labels, rows, data);
  } finally {
    await inference.dispose();
  }
}
