/** The factor on every learning rate at a step, counted from 0: `trainer.step(batch, { learningRateScale: schedule(step) })`. */
export type Schedule = (step: number) => number;

/** How a schedule begins. */
export interface Warmup {
  /** Over so many steps the factor grows evenly to 1. Default 0. */
  readonly warmupSteps?: number;
  /**
   * Where it grows from: 1 / warmupSteps, so that the first step already learns (default), or 0, as in transformers, whose
   * first step changes nothing.
   */
  readonly fromZero?: boolean;
}

/** How long a schedule falls, and how low. */
export interface Decay extends Warmup {
  /** Steps of the whole run, warm-up included. */
  readonly steps: number;
  /** The factor at the last step and after it. Default 0. */
  readonly floor?: number;
}

/** A schedule that stays at 1 after its warm-up: transformers' `get_constant_schedule_with_warmup`. */
export function constantSchedule(warmup: Warmup = {}): Schedule {
  return (step) => warmUp(step, warmup) ?? 1;
}

/** A schedule that falls along a line from 1 to the floor: transformers' `get_linear_schedule_with_warmup`. */
export function linearSchedule(decay: Decay): Schedule {
  return decaying(decay, (progress) => 1 - progress);
}

/**
 * A schedule that falls along half a cosine from 1 to the floor (Loshchilov & Hutter 2017): transformers'
 * `get_cosine_schedule_with_warmup`.
 */
export function cosineSchedule(decay: Decay): Schedule {
  return decaying(decay, (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)));
}

function warmUp(step: number, { warmupSteps = 0, fromZero = false }: Warmup): number | undefined {
  if (step >= warmupSteps) return undefined;
  return (fromZero ? step : step + 1) / warmupSteps;
}

/**
 * A warm-up, then a curve down to the floor.
 * @param curve from 1 at progress 0 to 0 at progress 1
 */
function decaying(decay: Decay, curve: (progress: number) => number): Schedule {
  const { steps, warmupSteps = 0, floor = 0 } = decay;
  return (step) => {
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
    return warmUp(step, decay) ?? floor + (1 - floor) * curve(progress);
  };
}

/** Settings of PyTorch's `ReduceLROnPlateau`, with its defaults. */
export interface PlateauOptions {
  /** Whether smaller measures are better (default) or larger ones. */
  readonly mode?: "min" | "max";
  /** Multiplies the learning rate. Default 0.1. */
  readonly factor?: number;
  /** Validations without a better measure that are let pass. Default 10. */
  readonly patience?: number;
  /** Better is what differs from the best by more than this part of it ("rel", default), or by more than this ("abs"). */
  readonly threshold?: number;
  readonly thresholdMode?: "rel" | "abs";
  /** Validations after a reduction that do not count as bad. Default 0. */
  readonly cooldown?: number;
  /** The scale goes no lower: min_lr / lr. Default 0. */
  readonly minimum?: number;
}

/** What a plateau schedule remembers; plain JSON, for a checkpoint's `progress`. */
export interface PlateauState {
  /** The factor on every learning rate from now on. */
  readonly scale: number;
  /** null before the first validation. */
  readonly best: number | null;
  readonly badCount: number;
  readonly cooldownCount: number;
}

/** The state before the first validation. */
export const plateauStart: PlateauState = { scale: 1, best: null, badCount: 0, cooldownCount: 0 };

/**
 * The state of a plateau schedule after a measure: the scale falls by `factor` after more than `patience` validations
 * without a better one. PyTorch's `ReduceLROnPlateau`, apart from its `eps`, below which it leaves a rate alone.
 */
export function plateauStep(
  state: PlateauState,
  measure: number,
  options: PlateauOptions = {},
): PlateauState {
  const { factor = 0.1, patience = 10, cooldown = 0, minimum = 0 } = options;
  const better = isBetter(measure, state.best, options);
  const cooling = state.cooldownCount > 0;
  const badCount = better || cooling ? 0 : state.badCount + 1;
  const best = better ? measure : state.best;
  if (badCount > patience)
    return { scale: Math.max(state.scale * factor, minimum), best, badCount: 0, cooldownCount: cooldown };
  return { scale: state.scale, best, badCount, cooldownCount: cooling ? state.cooldownCount - 1 : 0 };
}

function isBetter(
  measure: number,
  best: number | null,
  { mode = "min", threshold = 1e-4, thresholdMode = "rel" }: PlateauOptions,
): boolean {
  if (best === null) return !Number.isNaN(measure);
  const sign = mode === "min" ? -1 : 1;
  const margin = thresholdMode === "rel" ? best * (1 + sign * threshold) : best + sign * threshold;
  return mode === "min" ? measure < margin : measure > margin;
}
