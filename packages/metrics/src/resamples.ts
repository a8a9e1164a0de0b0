import { createGenerator } from "@corella/random";
import { checkLevel, checkSameLength, checkWholeNumber } from "./inputs.ts";

/** How many resamples are drawn, of what, and how wide an interval is. */
export interface BootstrapOptions {
  /** Number of resamples, default 1,000. */
  readonly samples?: number | undefined;
  /** Default 1. The same seed gives the same resamples, in every function that draws them. */
  readonly seed?: number | undefined;
  /** Coverage of the interval, default 0.95. */
  readonly level?: number | undefined;
  /**
   * The group (user) of each row, as any whole number. With it whole groups are drawn with replacement, as many as there
   * are: rows of a user depend on each other, and intervals that draw them one by one are too narrow. Default: each row
   * is a group of its own. Source: Davison & Hinkley, Bootstrap Methods and their Application, 1997, section 3.8.
   */
  readonly groups?: Uint32Array | Int32Array | undefined;
}

/** The statistic of the rows as they are, and the percentile interval of its resamples. */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** A difference of two models, its percentile interval, and how sure it is that it is none. */
export interface DifferenceInterval extends Interval {
  /**
   * Two-sided p-value of the same resamples: twice the smaller share of those at or beyond 0, each count one higher, so
   * that it is never 0. Below 1 - level about where the interval leaves 0 out. NaN where no resample has the statistic.
   * Source: Davison & Hinkley, 1997, section 4.4.
   */
  readonly pValue: number;
}

/** The options with their defaults, checked; `groups` counted from 0 in the order of their first rows. */
export interface ResamplePlan {
  readonly samples: number;
  readonly seed: number;
  readonly level: number;
  /** Group of each row; undefined: the row itself. */
  readonly groupOf: Uint32Array | undefined;
  readonly groupCount: number;
}

/**
 * Options of resamples of so many rows, checked and with their defaults.
 * @throws CorellaError `metrics/bad-argument`, `metrics/length-mismatch`
 */
export function resamplePlan(
  count: number,
  { samples = 1000, seed = 1, level = 0.95, groups }: BootstrapOptions,
): ResamplePlan {
  checkWholeNumber(samples, 1, "samples");
  checkWholeNumber(seed, 0, "seed");
  checkLevel(level);
  if (groups === undefined) return { samples, seed, level, groupOf: undefined, groupCount: count };
  checkSameLength(count, groups.length, "groups");
  const numbers = new Map<number, number>();
  const groupOf = Uint32Array.from(groups, (group) => {
    const number = numbers.get(group) ?? numbers.size;
    numbers.set(group, number);
    return number;
  });
  return { samples, seed, level, groupOf, groupCount: numbers.size };
}

/** How many resamples are worth drawing: none of a single row or user, which would be the same each time. */
export function resampleCount({ samples, groupCount }: ResamplePlan): number {
  return groupCount > 1 ? samples : 0;
}

/** Draws resamples one after the other: each call writes into `weights` how often each row stands in the next one. */
export function weightDraws({ seed, groupOf, groupCount }: ResamplePlan): (weights: Uint32Array) => void {
  const draw = groupDraws(seed, groupCount);
  if (groupOf === undefined) return draw;
  const drawn = new Uint32Array(groupCount);
  return (weights) => {
    draw(drawn);
    for (let row = 0; row < weights.length; row++) weights[row] = drawn[groupOf[row]!]!;
  };
}

/** Draws as many of the groups as there are, with replacement: each call writes how often each was drawn. */
function groupDraws(seed: number, groupCount: number): (drawn: Uint32Array) => void {
  const generator = createGenerator(seed, "bootstrap");
  return (drawn) => {
    drawn.fill(0);
    for (let i = 0; i < groupCount; i++) drawn[generator.integer(groupCount)]! += 1;
  };
}

/** The interval that holds `level` of the replicates in its middle; those that are NaN are left out. */
export function percentileInterval(estimate: number, replicates: Float64Array, level: number): Interval {
  const sorted = replicates.filter((value) => !Number.isNaN(value)).sort();
  return { estimate, low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) };
}

/** The interval of a difference's replicates, with their p-value against no difference. */
export function differenceInterval(
  estimate: number,
  replicates: Float64Array,
  level: number,
): DifferenceInterval {
  let below = 0;
  let above = 0;
  let count = 0;
  for (const value of replicates) {
    if (value <= 0) below += 1;
    if (value >= 0) above += 1;
    if (!Number.isNaN(value)) count += 1;
  }
  const pValue = count === 0 ? Number.NaN : Math.min(1, (2 * (Math.min(below, above) + 1)) / (count + 1));
  return { ...percentileInterval(estimate, replicates, level), pValue };
}

/** Linear between the neighbours (type 7 of Hyndman & Fan, 1996, numpy's default). NaN of nothing. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}
