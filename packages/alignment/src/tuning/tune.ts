import { CorellaError } from "@corella/errors";
import type { ValidationResult } from "@corella/engine";
import { mayGoOn, type Course } from "./median-rule.ts";
import { planTrials, type PlannedTrial, type PlanOptions } from "./plan.ts";
import type { RungEntry } from "./asha.ts";
import type { RungEnds } from "./rungs.ts";
import {
  enumerateTrials,
  isAsha,
  type MedianRule,
  type SearchConfig,
  type TrialKind,
} from "./search-space.ts";
import { readTrial, type TrialHooks, type TrialRecord, type TrialRun } from "./trial.ts";

/** Where a trial is trained: in this thread, or in a process of its own. */
export type ExecuteTrial = (run: TrialRun, hooks: TrialHooks) => Promise<TrialRecord>;

/** A configuration of a search with the record of its trial. */
export interface TriedConfig extends PlannedTrial {
  readonly record: TrialRecord;
  /** It was there already. */
  readonly reused: boolean;
  /** Of a trial that is trained in units: the rung whose end it has reached, counted from 0. */
  readonly rung?: number;
  /** Of a trial that is trained in units: processor time over all attempts. */
  readonly cpuSeconds?: number;
}

/** What a search shows while it works. Trials are named by their place in their list. */
export interface TuneListener {
  /** @param part `search` or `seeds` */
  planned?(part: "search" | "seeds", trials: readonly PlannedTrial[]): void;
  started?(trial: number, phase: { steps: number; step: number; samplesPerStep: number }): void;
  /** Another search trains the same trial; this one waits for it. */
  waiting?(trial: number): void;
  stepDone?(trial: number, step: number): void;
  validated?(trial: number, result: ValidationResult): void;
  /** @param all what is there so far, in the order of the plan */
  ended?(trial: number, tried: TriedConfig, all: readonly TriedConfig[]): void | Promise<void>;
}

/** How a search trains its trials, and who watches it. */
export interface TuneOptions extends PlanOptions {
  /** Trials at once. */
  readonly parallel: number;
  readonly execute: ExecuteTrial;
  readonly listener?: TuneListener;
  readonly signal?: AbortSignal | undefined;
}

/** All trials of a search, the best one, and the seeds of the best. */
export interface TuneResult {
  readonly trials: readonly TriedConfig[];
  readonly best: TriedConfig;
  /** The best configuration with each seed, its test part scored. */
  readonly seeds: readonly TriedConfig[];
  /** What a trial trains. */
  readonly kind: TrialKind;
  /** Of a search in units. */
  readonly rungs?: RungsReport;
}

/** How far the trials of a search in units have come. */
export interface RungsReport {
  readonly ends: RungEnds;
  /** One of so many goes on to the next rung; undefined where all are trained whole. */
  readonly factor: number | undefined;
  /** Results by rung in the order in which they came; trials by their number. */
  readonly rungs: readonly (readonly RungEntry[])[];
  /** Of the search, over all attempts that kept a clock; without the seeds. */
  readonly cpuSeconds: number;
}

/**
 * Tries configurations of the CRM stage, judged by the best AUC on the validation part; then trains the best with several
 * seeds and scores the test part, once. Trials that are there already are not trained again.
 * @param content of the run's configuration
 * @throws CorellaError `tune/no-result` when every trial diverged, `tune/seed-diverged` when a seed of the best did, `train/interrupted`, and those of
 * `planTrials` and of training
 */
export async function tune(
  content: unknown,
  search: SearchConfig,
  options: TuneOptions,
): Promise<TuneResult> {
  const { listener = {} } = options;
  const { stopping } = search;
  if (isAsha(stopping)) throw new Error("Trials that pause in rungs are placed as units: tuneUnits.");
  const planned = await planTrials(content, enumerateTrials(search), options);
  listener.planned?.("search", planned);
  const trials = await runAll(planned, stopping, options, false);
  const best = bestTrial(trials, options);
  const seedPlan = await planSeeds(content, search, best, options, "crm");
  listener.planned?.("seeds", seedPlan);
  const seeds = await runAll(seedPlan, "none", options, true);
  requireSeeds(seeds, options);
  return { trials, best, seeds, kind: "crm" };
}

/** @throws CorellaError `tune/no-result` when every trial diverged */
export function bestTrial(trials: readonly TriedConfig[], { place }: PlanOptions): TriedConfig {
  const best = rank(trials)[0];
  if (best?.record.best === undefined || best.record.status === "diverged") {
    throw new CorellaError({
      code: "tune/no-result",
      message: "No trial came to an end.",
      place,
      remedy: "Lower the learning rates, or set clipNorm.",
    });
  }
  return best;
}

/**
 * Means over fewer seeds than were asked for would look better than the configuration is.
 * @throws CorellaError `tune/seed-diverged`
 */
export function requireSeeds(seeds: readonly TriedConfig[], { place }: Pick<PlanOptions, "place">): void {
  const diverged = seeds.filter(({ record }) => record.test === undefined).map(({ config }) => config.seed);
  if (diverged.length === 0) return;
  throw new CorellaError({
    code: "tune/seed-diverged",
    message: `The best configuration diverged with ${diverged.length} of its ${seeds.length} seeds: ${diverged.join(", ")}.`,
    place,
    remedy: "Search lower learning rates, or set clipNorm; trials that have ended are kept.",
  });
}

/** The best configuration with as many seeds as a search asks for, from its own on. */
export function planSeeds(
  content: unknown,
  { seeds }: SearchConfig,
  { settings, config }: PlannedTrial,
  options: PlanOptions,
  kind: TrialKind,
): Promise<PlannedTrial[]> {
  const each = Array.from({ length: seeds }, (_, i) => ({ ...settings, seed: config.seed + i }));
  return planTrials(content, each, options, kind);
}

/** Trials by validation AUC, the best first; those that were stopped early or diverged after all others. */
export function rank(trials: readonly TriedConfig[]): TriedConfig[] {
  const last = ({ record: { status } }: TriedConfig): number =>
    status === "finished" || status === "paused" ? 0 : 1;
  const score = ({ record }: TriedConfig): number => record.best?.score ?? Number.NEGATIVE_INFINITY;
  return trials.toSorted((a, b) => last(a) - last(b) || score(b) - score(a));
}

async function runAll(
  planned: readonly PlannedTrial[],
  stopping: MedianRule | "none",
  { parallel, execute, listener = {}, signal }: TuneOptions,
  test: boolean,
): Promise<TriedConfig[]> {
  const tried: TriedConfig[] = [];
  const courses = planned.map(({ config }): Course => {
    return { points: [], length: config.stages.warmUp.epochs, ended: false };
  });
  const setCourse = (
    index: number,
    validations: readonly ValidationResult[],
    stepsPerEpoch: number,
    ended: boolean,
  ): Course => {
    const points = validations
      .filter(({ step }) => step > 0)
      .map(({ step, score }) => [step / stepsPerEpoch, score] as const);
    return (courses[index] = { ...courses[index]!, points, ended });
  };
  const end = async (index: number, record: TrialRecord, reused: boolean): Promise<void> => {
    setCourse(index, record.validations, record.stepsPerEpoch, true);
    tried[index] = { ...planned[index]!, record, reused };
    await listener.ended?.(
      index,
      tried[index],
      tried.filter((each) => each !== undefined),
    );
  };

  const open: number[] = [];
  for (const [index, { folder }] of planned.entries()) {
    const record = await readTrial(folder);
    if (record !== undefined && isEnough(record, stopping, test)) await end(index, record, true);
    else open.push(index);
  }
  const execution = async (index: number): Promise<void> => {
    const { config, folder } = planned[index]!;
    let validations: readonly ValidationResult[] = [];
    let stepsPerEpoch = 0;
    const record = await execute(
      { config, folder, test },
      {
        signal: AbortSignal.any(signals),
        started(phase) {
          validations = phase.validations;
          stepsPerEpoch = phase.steps / config.stages.warmUp.epochs;
          listener.started?.(index, phase);
        },
        waiting: () => listener.waiting?.(index),
        stepDone: (step) => listener.stepDone?.(index, step),
        validated(result) {
          validations = [...validations, result];
          const course = setCourse(index, validations, stepsPerEpoch, false);
          listener.validated?.(index, result);
          const others = courses.filter((_, other) => other !== index);
          return stopping === "none" || mayGoOn(course, others, stopping);
        },
      },
    );
    await end(index, record, false);
  };
  const failing = new AbortController();
  const signals = [failing.signal, ...(signal === undefined ? [] : [signal])];
  const lane = async (): Promise<void> => {
    try {
      for (let index = open.shift(); index !== undefined; index = open.shift()) await execution(index);
    } catch (error) {
      // What the other lanes are at is kept, and goes on in the next call.
      open.length = 0;
      failing.abort();
      throw error;
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: parallel }, lane));
  const failures = lanes
    .filter((outcome) => outcome.status === "rejected")
    .map(({ reason }) => reason as unknown);
  // The others were interrupted because of the first.
  const cause = failures.find(
    (reason) => !CorellaError.isInstance(reason) || reason.code !== "train/interrupted",
  );
  if (failures.length > 0) throw cause ?? failures[0];
  return tried;
}

/** Whether what an earlier call left need not be gone on with. */
function isEnough(record: TrialRecord, stopping: MedianRule | "none", test: boolean): boolean {
  switch (record.status) {
    case "finished":
      return !test || record.test !== undefined;
    case "diverged":
      return true;
    case "stopped":
      return stopping !== "none";
    case "paused":
    case "interrupted":
      return false;
  }
}
