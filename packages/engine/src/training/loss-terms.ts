import type { StepResult } from "../runtime/runtime.ts";

/** Terms of a loss by name, as the program's outputs name them. */
export type LossTerms = Readonly<Record<string, number>>;

/** The loss of a step, and what it is made of. */
export interface StepLoss {
  readonly loss: number;
  readonly terms: LossTerms;
}

/** A curve: [step, mean since the last point]. */
type Points = [step: number, mean: number][];

/** The losses of a phase so far, as its checkpoint keeps them. */
export interface LossHistory {
  readonly losses: Points;
  readonly terms: Record<string, Points>;
  /** Of the steps since the last point of the curves. */
  readonly sincePoint: StepLoss[];
}

/** What a loss is made of: the scalar outputs of its program, where there are several. One alone is the loss itself. */
export function lossTerms({ outputs }: Pick<StepResult, "outputs">): LossTerms {
  const scalars = Object.entries(outputs).filter(([, { shape }]) => shape.length === 0);
  return scalars.length < 2 ? {} : Object.fromEntries(scalars.map(([name, { data }]) => [name, data[0]!]));
}

/** The means of loss and terms over some batches or steps of one program. */
export function meanLoss(all: readonly StepLoss[]): StepLoss {
  let loss = 0;
  const terms: Record<string, number> = {};
  for (const each of all) {
    loss += each.loss / all.length;
    for (const [name, value] of Object.entries(each.terms))
      terms[name] = (terms[name] ?? 0) + value / all.length;
  }
  return { loss, terms };
}

/** Takes a step's loss into a history whose points are so many steps apart. */
export function recordLoss(
  { losses, terms, sincePoint }: LossHistory,
  step: number,
  loss: StepLoss,
  pointEvery: number,
): void {
  sincePoint.push(loss);
  if (sincePoint.length < pointEvery) return;
  const mean = meanLoss(sincePoint.splice(0));
  losses.push([step, mean.loss]);
  for (const [name, value] of Object.entries(mean.terms)) (terms[name] ??= []).push([step, value]);
}
