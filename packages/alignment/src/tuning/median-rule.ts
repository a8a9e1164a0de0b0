import type { MedianRule } from "./search-space.ts";

/** How far a trial has come and how well. */
export interface Course {
  /** Of the trained model, in order: epochs seen and score. */
  readonly points: readonly (readonly [epochs: number, score: number])[];
  /** Epochs of the whole training. */
  readonly length: number;
  /** Nothing more will come. */
  readonly ended: boolean;
}

/**
 * Whether a trial may go on after its latest validation: its best score is not below the median of the others' best scores up
 * to the same epoch, or not up to the same part of their trainings, of those that have come so far or have ended. The
 * part is for a learning rate that falls until the end: that of a longer training is still high at the same epoch.
 */
export function mayGoOn(course: Course, others: readonly Course[], rule: MedianRule): boolean {
  const at = latest(course);
  if (at < rule.afterEpochs) return true;
  const keepsUp = (epochsOf: (other: Course) => number): boolean => {
    const scores = others
      .filter((other) => other.ended || latest(other) >= epochsOf(other) - rounding)
      .map((other) => bestUntil(other, epochsOf(other)))
      .filter((score) => Number.isFinite(score));
    return scores.length < rule.afterTrials || bestUntil(course, at) >= median(scores);
  };
  return keepsUp(() => at) || keepsUp((other) => (at / course.length) * other.length);
}

/** In epochs, of which parts are computed. */
const rounding = 1e-9;

function latest({ points }: Course): number {
  return points.at(-1)?.[0] ?? 0;
}

function bestUntil({ points }: Course, epochs: number): number {
  return Math.max(...points.filter(([at]) => at <= epochs + rounding).map(([, score]) => score));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle - 1)]! + sorted[Math.floor(middle)]!) / 2;
}
