import { decimalRating, historyLength, type InteractionLog } from "./log.ts";
import type { LogSplit } from "./split.ts";

/** A stretch of values from `from` to `to`, both included. */
export interface Bin {
  from: number;
  to: number;
}

/** What a picture of a log draws, beside the figures of `summarise`. */
export interface LogDistributions {
  /** Rows of equally long stretches of time, in seconds since 1970. */
  overTime: (Bin & { positives: number; negatives: number })[];
  /** Rows by rating, or by stretches of ratings where there are more than 20 different ones. */
  ratings: (Bin & { rows: number })[];
  /** Samples of each part by the number of events before them. */
  historyLengths: (Bin & { train: number; validation: number; test: number })[];
  /** Users by the number of their rows. */
  rowsOfUsers: (Bin & { count: number })[];
  /** Items by the number of their rows. */
  rowsOfItems: (Bin & { count: number })[];
}

const stretches = 40;
const mostRatings = 20;

/** Counts what a picture of a log draws: rows over time and by rating, histories, and how often users and items occur. */
export function describeDistributions(log: InteractionLog, split: LogSplit): LogDistributions {
  const lengths = (rows: Uint32Array): number[] => countsByBin(rows, (row) => historyLength(log, row));
  const { train, validation, test } = split;
  const parts = { train: lengths(train), validation: lengths(validation), test: lengths(test) };
  const longest = Math.max(...Object.values(parts).map((counts) => counts.length));
  return {
    overTime: overTime(log),
    ratings: byRating(log.rating),
    historyLengths: Array.from({ length: longest }, (_, bin) => ({
      ...boundsOf(bin),
      train: parts.train[bin] ?? 0,
      validation: parts.validation[bin] ?? 0,
      test: parts.test[bin] ?? 0,
    })),
    rowsOfUsers: byRows(log.user, log.users.activeCount),
    rowsOfItems: byRows(log.item, log.items.activeCount),
  };
}

function overTime({ size, time, label }: InteractionLog): LogDistributions["overTime"] {
  const first = time[0]!;
  const length = (time[size - 1]! - first) / stretches;
  const bins = Array.from({ length: length === 0 ? 1 : stretches }, (_, i) => ({
    from: first + i * length,
    to: first + (i + 1) * length,
    positives: 0,
    negatives: 0,
  }));
  for (let row = 0; row < size; row++) {
    const place = length === 0 ? 0 : Math.min(stretches - 1, Math.floor((time[row]! - first) / length));
    bins[place]![label[row] === 1 ? "positives" : "negatives"]++;
  }
  return bins;
}

function byRating(ratings: Float32Array): LogDistributions["ratings"] {
  const counts = new Map<number, number>();
  for (const rating of ratings) counts.set(rating, (counts.get(rating) ?? 0) + 1);
  const values = [...counts.keys()].sort((a, b) => a - b);
  if (values.length <= mostRatings) {
    return values.map((rating) => {
      const value = decimalRating(rating);
      return { from: value, to: value, rows: counts.get(rating)! };
    });
  }
  const [lowest, width] = [values[0]!, (values.at(-1)! - values[0]!) / mostRatings];
  const bins = Array.from({ length: mostRatings }, (_, i) => ({
    from: decimalRating(lowest + i * width),
    to: decimalRating(lowest + (i + 1) * width),
    rows: 0,
  }));
  for (const [rating, count] of counts)
    bins[Math.min(mostRatings - 1, Math.floor((rating - lowest) / width))]!.rows += count;
  return bins;
}

function byRows(codes: Int32Array, active: number): LogDistributions["rowsOfUsers"] {
  const rows = new Uint32Array(active);
  for (const code of codes) rows[code]!++;
  const counts = countsByBin(rows, (count) => count);
  return counts.map((count, bin) => ({ ...boundsOf(bin), count })).slice(1); // everyone active has a row
}

/** Bins 0, 1, 2-3, 4-7, 8-15, ...: powers of two, since these counts have long tails. */
function countsByBin(rows: Uint32Array, valueOf: (row: number) => number): number[] {
  const counts: number[] = [];
  for (const row of rows) {
    const bin = 32 - Math.clz32(valueOf(row));
    while (counts.length <= bin) counts.push(0);
    counts[bin]!++;
  }
  return counts;
}

function boundsOf(bin: number): Bin {
  return bin === 0 ? { from: 0, to: 0 } : { from: 2 ** (bin - 1), to: 2 ** bin - 1 };
}
