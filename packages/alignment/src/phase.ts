import { CorellaError } from "@corella/errors";
import {
  loadCheckpoint,
  saveCheckpoint,
  type Batch,
  type Trainer,
  type TrainerState,
  type Values,
} from "@corella/engine";

/** What a run shows while it works. All numbers are per phase; rates and times are the listener's business. */
export interface ProgressListener {
  phaseStarted?(phase: {
    name: string;
    title: string;
    steps: number;
    step: number;
    samplesPerStep: number;
  }): void;
  stepDone?(phase: string, step: number, loss: number): void;
  validated?(phase: string, step: number, score: number, best: boolean): void;
  phaseEnded?(result: PhaseResult): void;
  note?(text: string): void;
}

/** Looks at a model now and then, keeps the best and stops when it no longer improves. */
export interface Validation {
  /** Steps between two looks. */
  readonly every: number;
  /** Higher is better. */
  score(): Promise<number>;
  /** Stop after so many looks without a new best. */
  readonly patience: number;
  /** The values that are set back to those of the best look at the end. */
  keeps(name: string): boolean;
}

export interface PhaseSpec {
  readonly trainer: Trainer;
  /** At most so many steps. */
  readonly steps: number;
  readonly samplesPerStep: number;
  /** The batch of a step, counted from 0: a function of the step alone, so that a resumed run sees the same batches. */
  batch(step: number): Batch | Promise<Batch>;
  learningRateScale?(step: number): number;
  readonly validation?: Validation;
  /** What the batches hold, such as a thread. */
  dispose?(): Promise<void>;
}

export interface PhaseResult {
  readonly name: string;
  /** The trained values: those that `keeps` names as of the best look, the others as of the last step. */
  readonly values: Values;
  readonly steps: number;
  /** Mean loss between two points: [step, loss]. */
  readonly losses: readonly (readonly [number, number])[];
  /** [step, score] */
  readonly scores: readonly (readonly [number, number])[];
  readonly bestScore: number | undefined;
}

interface Progress {
  readonly done: boolean;
  readonly losses: [number, number][];
  readonly scores: [number, number][];
  readonly bestStep: number;
  /** Losses since the last point. */
  readonly pending: number[];
}

export interface PhaseOptions {
  readonly name: string;
  readonly title: string;
  /** Where the phase's checkpoint lies; a finished phase is not run again. */
  readonly folder: string;
  readonly listener: ProgressListener;
  readonly signal?: AbortSignal | undefined;
  readonly checkpointEveryMs: number;
}

/** Number of points in a phase's loss curve. */
const lossPoints = 200;

/**
 * Runs one phase of training from its checkpoint, if there is one, to its end. A phase that was interrupted goes on and
 * ends with the same bits as one that was not.
 * @throws CorellaError `train/interrupted` after the checkpoint is written, when the signal is aborted
 */
export async function runPhase(
  options: PhaseOptions,
  create: () => Promise<PhaseSpec>,
): Promise<PhaseResult> {
  const { name, listener } = options;
  const saved = await loadCheckpoint<Progress>(options.folder);
  if (saved?.progress.done === true) {
    return result(name, saved.states["final"]!, saved.progress);
  }
  const phase = await create();
  const { trainer, validation } = phase;
  const losses: [number, number][] = saved?.progress.losses ?? [];
  const scores: [number, number][] = saved?.progress.scores ?? [];
  let pending: number[] = saved?.progress.pending ?? [];
  let bestStep = saved?.progress.bestStep ?? 0;
  let best: Values = saved?.states["best"]?.values ?? {};
  if (saved !== undefined) trainer.restore(saved.states["trainer"]!);
  let step = trainer.state().step;
  const pointEvery = Math.max(1, Math.floor(phase.steps / lossPoints));

  const progress = (done: boolean): Progress => ({ done, losses, scores, bestStep, pending });
  const checkpoint = (): Promise<void> =>
    saveCheckpoint(options.folder, {
      states: { trainer: trainer.state(), best: { step: bestStep, values: best, slots: {} } },
      progress: progress(false),
    });
  const bestScore = (): number => Math.max(Number.NEGATIVE_INFINITY, ...scores.map(([, score]) => score));
  const stalled = (): boolean =>
    validation !== undefined && scores.filter(([at]) => at > bestStep).length >= validation.patience;
  const look = async (): Promise<void> => {
    if (validation === undefined || scores.at(-1)?.[0] === step) return;
    const score = await validation.score();
    const improved = score > bestScore();
    scores.push([step, score]);
    if (improved) {
      bestStep = step;
      best = copyKept(trainer.values, validation);
    }
    listener.validated?.(name, step, score, improved);
  };

  listener.phaseStarted?.({
    name,
    title: options.title,
    steps: phase.steps,
    step,
    samplesPerStep: phase.samplesPerStep,
  });
  let lastCheckpoint = performance.now();
  try {
    if (step === 0) await look();
    while (step < phase.steps && !stalled()) {
      if (options.signal?.aborted === true) {
        await checkpoint();
        throw new CorellaError({
          code: "train/interrupted",
          message: `Interrupted in ${options.title}, after step ${step} of ${phase.steps}.`,
          place: options.folder,
          remedy: "Go on with --resume; the run will end as if it had not been interrupted.",
        });
      }
      const { loss } = await trainer.step(await phase.batch(step), {
        learningRateScale: phase.learningRateScale?.(step) ?? 1,
      });
      step += 1;
      if (!Number.isFinite(loss)) {
        throw new CorellaError({
          code: "train/diverged",
          message: `The loss is ${loss} at step ${step} of ${options.title}.`,
          place: name,
          remedy: "Lower the learning rate of this stage, or set its clipNorm.",
        });
      }
      pending.push(loss);
      if (pending.length >= pointEvery) {
        losses.push([step, pending.reduce((sum, value) => sum + value, 0) / pending.length]);
        pending = [];
      }
      listener.stepDone?.(name, step, loss);
      if (validation !== undefined && step % validation.every === 0) await look();
      if (performance.now() - lastCheckpoint > options.checkpointEveryMs) {
        await checkpoint();
        lastCheckpoint = performance.now();
      }
    }
    await look();
    const values = { ...trainer.values, ...best };
    const final: TrainerState = { step, values, slots: {} };
    await saveCheckpoint(options.folder, { states: { final }, progress: progress(true) });
    const finished = result(name, final, progress(true));
    listener.phaseEnded?.(finished);
    return finished;
  } finally {
    await phase.dispose?.();
    await trainer.dispose();
  }
}

function copyKept(values: Values, validation: Validation): Values {
  const kept: Values = {};
  for (const [name, value] of Object.entries(values)) if (validation.keeps(name)) kept[name] = value.slice();
  return kept;
}

function result(name: string, state: TrainerState, progress: Progress): PhaseResult {
  return {
    name,
    values: state.values,
    steps: state.step,
    losses: progress.losses,
    scores: progress.scores,
    bestScore:
      progress.scores.length === 0 ? undefined : Math.max(...progress.scores.map(([, score]) => score)),
  };
}
