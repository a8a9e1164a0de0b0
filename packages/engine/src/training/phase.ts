import { CorellaError } from "@corella/errors";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { Batch, Values } from "../program/program.ts";
import type { Trainer, TrainerState } from "../runtime/runtime.ts";
import {
  lossTerms,
  meanLoss,
  recordLoss,
  type LossHistory,
  type LossTerms,
  type StepLoss,
} from "./loss-terms.ts";
import { plateauStep, plateauStart, type PlateauOptions, type PlateauState } from "../optimizer/schedules.ts";

/** What a run shows while it works. All numbers are per phase; rates and times are the listener's business. */
export interface ProgressListener {
  /** A phase begins, or goes on after an interruption. */
  phaseStarted?(phase: {
    name: string;
    title: string;
    steps: number;
    step: number;
    samplesPerStep: number;
    /** What validations said before an interruption. */
    validations: readonly ValidationResult[];
  }): void;
  /** A step has ended. @param step counts updates, from 1 @param terms of the loss by name; empty where it has one alone */
  stepDone?(phase: string, step: number, loss: number, terms?: LossTerms): void;
  /** The phase waits for what this returns, so that a listener may decide whether to abort it. */
  validated?(phase: string, result: ValidationResult, best: boolean): void | Promise<void>;
  /** A phase has ended by itself; one that fails or is interrupted throws. */
  phaseEnded?(result: PhaseResult): void;
  /** Something to tell the reader besides. */
  note?(text: string): void;
}

/** What a validation says of a model. */
export interface ValidationScore {
  /** Decides. Higher is better. */
  readonly score: number;
  /** Shown beside it. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** What a validation said, and when. */
export interface ValidationResult extends ValidationScore {
  /** After so many steps. */
  readonly step: number;
}

/** Validates a model now and then, keeps the best and stops when it no longer improves. */
export interface Validation {
  /** Steps between two validations. */
  readonly every: number;
  /** Scores the model as it stands. */
  evaluate(): Promise<ValidationScore>;
  /** Stop after so many validations without a new best. */
  readonly patience: number;
  /** False: values that are drawn cannot be the best, however they rank by chance. Default true. */
  readonly fromStart?: boolean;
  /** The values that are set back to those of the best validation at the end. */
  keeps(name: string): boolean;
  /** Lowers the learning rate when the score no longer rises; `mode` is always `max`. */
  readonly plateau?: Omit<PlateauOptions, "mode"> | undefined;
}

/** What a phase trains: made when it begins, and not at all for a phase that has ended before. */
export interface PhaseSpec {
  readonly trainer: Trainer;
  /** The most updates that the phase makes; a validation may end it earlier. */
  readonly steps: number;
  readonly samplesPerStep: number;
  /**
   * The batches by number, counted from 0, as many for each step as the trainer accumulates: a function of the number alone, so that a resumed
   * run sees the same batches.
   */
  batch(index: number): Batch | Promise<Batch>;
  /** A schedule's factor on every learning rate; `step` counts from 0. Default 1. */
  learningRateScale?(step: number): number;
  readonly validation?: Validation;
  /** What the batches hold, such as a thread. */
  dispose?(): Promise<void>;
}

/** What a phase ends with. */
export interface PhaseResult {
  readonly name: string;
  /** The trained values: those that `keeps` names as of the best validation, the others as of the last step. */
  readonly values: Values;
  readonly steps: number;
  /** Mean loss between two points: [step, loss]. */
  readonly losses: readonly (readonly [number, number])[];
  /** The same of each term of the loss by name; empty where it has one alone. */
  readonly terms: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly validations: readonly ValidationResult[];
  /** The one whose values were kept. */
  readonly best: ValidationResult | undefined;
}

interface Progress extends LossHistory {
  readonly done: boolean;
  readonly validations: ValidationResult[];
  readonly bestStep: number;
  readonly plateau: PlateauState;
}

/** How a phase is run: its name, its folder and who listens. */
export interface PhaseOptions {
  readonly name: string;
  readonly title: string;
  /** Where the phase's checkpoint lies; a finished phase is not run again. Without it none is written. */
  readonly folder?: string | undefined;
  readonly listener?: ProgressListener;
  readonly signal?: AbortSignal | undefined;
  readonly checkpointEveryMs: number;
}

/** Number of points in a phase's loss curve. */
const lossPoints = 200;

/**
 * Runs one phase of training from its checkpoint, if there is one, to its end. A phase that was interrupted goes on and
 * ends with the same bits as one that was not.
 * @throws CorellaError `train/interrupted` after the checkpoint is written, when the signal is aborted; `train/diverged`
 */
export async function runPhase(
  options: PhaseOptions,
  create: () => Promise<PhaseSpec>,
): Promise<PhaseResult> {
  const { name, folder, listener = {} } = options;
  const saved = folder === undefined ? undefined : await loadCheckpoint<Progress>(folder);
  if (saved?.progress.done === true) {
    return result(name, saved.states["final"]!, saved.progress);
  }
  const phase = await create();
  const { trainer, validation } = phase;
  const { accumulate } = trainer;
  const history: LossHistory = {
    losses: saved?.progress.losses ?? [],
    terms: saved?.progress.terms ?? {},
    sincePoint: saved?.progress.sincePoint ?? [],
  };
  const validations: ValidationResult[] = saved?.progress.validations ?? [];
  let bestStep = saved?.progress.bestStep ?? 0;
  let plateau = saved?.progress.plateau ?? plateauStart;
  let best: Values = saved?.states["best"]?.values ?? {};
  let step = 0;
  const pointEvery = Math.max(1, Math.floor(phase.steps / lossPoints));

  const progress = (done: boolean): Progress => ({ done, ...history, validations, bestStep, plateau });
  const checkpoint = async (): Promise<void> => {
    if (folder === undefined) return;
    await saveCheckpoint(folder, {
      states: { trainer: trainer.state(), best: { step: bestStep, values: best, slots: {} } },
      progress: progress(false),
    });
  };
  const stalled = (): boolean =>
    validation !== undefined &&
    validations.filter(({ step: at }) => at > bestStep).length >= validation.patience;
  const validate = async (): Promise<void> => {
    if (validation === undefined || validations.at(-1)?.step === step) return;
    const scored = await validation.evaluate();
    const counts = (at: number): boolean => at > 0 || validation.fromStart !== false;
    const before = validations.find(({ step: at }) => at === bestStep && counts(at));
    const improved = counts(step) && scored.score > (before?.score ?? Number.NEGATIVE_INFINITY);
    validations.push({ step, ...scored });
    if (improved) {
      bestStep = step;
      best = copyKept(trainer.values, validation);
    }
    if (validation.plateau !== undefined)
      plateau = plateauStep(plateau, scored.score, { ...validation.plateau, mode: "max" });
    await listener.validated?.(name, validations.at(-1)!, improved);
  };

  try {
    if (saved !== undefined) trainer.restore(saved.states["trainer"]!);
    step = trainer.state().step;
    listener.phaseStarted?.({
      name,
      title: options.title,
      steps: phase.steps,
      step,
      samplesPerStep: phase.samplesPerStep,
      validations: [...validations],
    });
    let lastCheckpoint = performance.now();
    if (step === 0) await validate();
    while (step < phase.steps && !stalled()) {
      if (options.signal?.aborted === true) {
        await checkpoint();
        throw interrupted(options, step, phase.steps);
      }
      const learningRateScale = (phase.learningRateScale?.(step) ?? 1) * plateau.scale;
      const batches: StepLoss[] = [];
      for (let index = step * accumulate; index < (step + 1) * accumulate; index++) {
        const computed = await trainer.step(await phase.batch(index), { learningRateScale });
        batches.push({ loss: computed.loss, terms: lossTerms(computed) });
      }
      const { loss, terms } = meanLoss(batches);
      step += 1;
      if (!Number.isFinite(loss)) {
        throw new CorellaError({
          code: "train/diverged",
          message: `The loss is ${loss} at step ${step} of ${options.title}.`,
          place: name,
          remedy: "Lower the learning rate of this stage, or set its clipNorm.",
        });
      }
      recordLoss(history, step, { loss, terms }, pointEvery);
      listener.stepDone?.(name, step, loss, terms);
      if (validation !== undefined && step % validation.every === 0) await validate();
      if (performance.now() - lastCheckpoint > options.checkpointEveryMs) {
        await checkpoint();
        lastCheckpoint = performance.now();
      }
    }
    await validate();
    const values = { ...trainer.values, ...best };
    const final: TrainerState = { step, values, slots: {} };
    if (folder !== undefined) await saveCheckpoint(folder, { states: { final }, progress: progress(true) });
    const finished = result(name, final, progress(true));
    listener.phaseEnded?.(finished);
    return finished;
  } finally {
    await phase.dispose?.();
    await trainer.dispose();
  }
}

function interrupted({ title, folder }: PhaseOptions, step: number, steps: number): CorellaError {
  return new CorellaError({
    code: "train/interrupted",
    message: `Interrupted in ${title}, after step ${step} of ${steps}.`,
    place: folder,
    remedy:
      folder === undefined
        ? "Start anew; give a folder for checkpoints to go on from here another time."
        : "Run the phase again with the same folder: it goes on from here, and ends with the same bits as without a break.",
  });
}

function copyKept(values: Values, validation: Validation): Values {
  const kept: Values = {};
  for (const [name, value] of Object.entries(values)) if (validation.keeps(name)) kept[name] = value.slice();
  return kept;
}

function result(name: string, state: TrainerState, progress: Progress): PhaseResult {
  const { losses, terms, validations, bestStep } = progress;
  return {
    name,
    values: state.values,
    steps: state.step,
    losses,
    terms,
    validations,
    best: validations.find(({ step }) => step === bestStep),
  };
}
