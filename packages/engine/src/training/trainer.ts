import type { Batch, Output, Program, Values } from "../program/program.ts";
import type { GradientRun, Trainer, TrainOptions } from "../runtime/runtime.ts";
import { GradientSum, type BackwardPass } from "./gradient-sum.ts";
import type { TrainingState } from "./training-state.ts";

/** What a runtime computes of one batch, forward and backward. */
export interface ComputedPass {
  readonly loss: number;
  readonly outputs: Record<string, Output>;
  /** New values of assigned parameters. */
  readonly assigned: Values;
  readonly gradients: BackwardPass;
}

/** What a runtime adds to a trainer: everything that depends on how a program is computed. */
export interface TrainerParts extends Pick<Trainer, "exportOnnx" | "dispose"> {
  /**
   * Computes a batch with the current values of the training state.
   * @param draw counts batches from 1, over interruptions too: it names the bits of dropout
   * @param scale the schedule's factor on every learning rate, for runtimes that also compute the update
   */
  compute(batch: Batch, draw: number, scale: number): Promise<ComputedPass>;
  /** Puts the updated parameters of the last pass in place; absent where gradients are applied here, outside of a graph. */
  takeUpdates?(): void;
}

/**
 * The step that every runtime shares: gradients are summed over `accumulate` batches, clipped, and applied to parameters
 * and table rows. So the runtimes differ by the rounding of what they compute, and by nothing else.
 */
export function createTrainer(
  program: Program,
  options: TrainOptions,
  state: TrainingState,
  { compute, takeUpdates, exportOnnx, dispose }: TrainerParts,
): Trainer {
  const sum = new GradientSum(program);
  const accumulate = options.accumulate ?? 1;
  return {
    accumulate,
    async step(batch, { learningRateScale: scale = 1 } = {}) {
      const draw = state.step * accumulate + sum.passes + 1;
      const { loss, outputs, assigned, gradients } = await compute(batch, draw, scale);
      sum.add(gradients);
      for (const [name, value] of Object.entries(assigned)) state.values[name]!.set(value);
      takeUpdates?.();
      if (sum.passes === accumulate) {
        state.step += 1;
        sum.finish(options.clipNorm);
        if (takeUpdates === undefined)
          for (const [name, gradient] of sum.dense) state.updateParam(name, gradient, scale);
        for (const [name, rows] of sum.tables) state.updateTable(name, rows, scale);
      }
      return { loss, outputs };
    },
    values: state.current,
    state: () => ({ ...state.snapshot(), pending: sum.pending() }),
    restore(saved) {
      state.restore(saved);
      sum.restore(saved.pending ?? []);
    },
    exportOnnx,
    dispose,
  };
}

/** What a runtime adds to a gradient run. */
export interface GradientRunParts extends Pick<GradientRun, "exportOnnx" | "dispose"> {
  /** Computes a batch. @param draw counts runs from 1: it names the bits of dropout */
  compute(batch: Batch, draw: number): Promise<ComputedPass>;
}

/**
 * Gradients of single batches, in full size, as every runtime gives them.
 * @param trainable parameters and tables to give gradients of
 */
export function createGradientRun(
  program: Program,
  trainable: ReadonlySet<string>,
  { compute, exportOnnx, dispose }: GradientRunParts,
): GradientRun {
  const sum = new GradientSum(program);
  let draw = 0;
  return {
    async run(batch) {
      draw += 1;
      const { loss, outputs, assigned, gradients } = await compute(batch, draw);
      sum.add(gradients);
      sum.finish(undefined);
      return { loss, outputs, gradients: sum.toValues(trainable), assigned };
    },
    exportOnnx,
    dispose,
  };
}
