import type { MedianRule } from "./search-space.ts";

/** How far a trial has come and how well. */
export interface Course {
  /** Of the trained model, in order: epochs seen and score. */
  readonly points: readonly (readonly [epochs: number, score: number])[];
  /** Nothing more will come. */
  readonly ended: boolean;
}

/**
 * Whether a trial may go on after its latest look: its best score is not below the median of the others' best scores up
 * to the same part of an epoch, of those that have come so far or have ended.
 */
export function mayGoOn(course: Course, others: readonly Course[], rule: MedianRule): boolean {
  const epochs = course.points.at(-1)?.[0] ?? 0;
  if (epochs < rule.afterEpochs) return true;
  const scores = others
    .filter(({ points, ended }) => ended || (points.at(-1)?.[0] ?? 0) >= epochs)
    .map(({ points }) => bestUntil(points, epochs))
    .filter((score) => Number.isFinite(score));
  return scores.length < rule.afterTrials || bestUntil(course.points, epochs) >= median(scores);
}

function bestUntil(points: Course["points"], epochs: number): number {
  return Math.max(...points.filter(([at]) => at <= epochs).map(([, score]) => score));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle - 1)]! + sorted[Math.floor(middle)]!) / 2;
}
