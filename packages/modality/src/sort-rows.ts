import type { LogColumns } from "./log.ts";

type RowColumns = Pick<LogColumns, "user" | "item" | "rating" | "time" | "label">;

/** Rows of a bucket on average: few enough to stay in the processor's cache while they are compared. */
const bucketRows = 256;

/**
 * Sorts the rows by (time, user, item, rating, label), in place. Linear in the rows: they are put into buckets of equal
 * spans of time, and only within a bucket are they compared. One column at a time is copied.
 */
export function sortRows(columns: RowColumns): void {
  if (isSorted(columns)) return;
  const order = orderByTime(columns.time, (bucket) => bucket.sort((a, b) => compareRows(columns, a, b)));
  const { user, item, rating, time, label } = columns;
  for (const column of [user, item, rating, time, label]) {
    const before = column.slice();
    for (let i = 0; i < order.length; i++) column[i] = before[order[i]!]!;
  }
}

/** Rows by bucket of time; the rows of each bucket are given to `sortBucket`. */
function orderByTime(time: Float64Array, sortBucket: (rows: Uint32Array) => void): Uint32Array {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of time) {
    if (value < first) first = value;
    if (value > last) last = value;
  }
  const buckets = Math.ceil(time.length / bucketRows);
  const perSecond = last === first ? 0 : buckets / (last - first);
  const bucketOf = (row: number): number =>
    Math.min(buckets - 1, Math.floor((time[row]! - first) * perSecond));
  const ends = new Uint32Array(buckets);
  for (let row = 0; row < time.length; row++) ends[bucketOf(row)]!++;
  for (let bucket = 1; bucket < buckets; bucket++) ends[bucket]! += ends[bucket - 1]!;
  const next = new Uint32Array(buckets);
  next.set(ends.subarray(0, buckets - 1), 1);
  const rows = new Uint32Array(time.length);
  for (let row = 0; row < time.length; row++) rows[next[bucketOf(row)]!++] = row;
  for (let bucket = 0, start = 0; bucket < buckets; bucket++) {
    sortBucket(rows.subarray(start, ends[bucket]!));
    start = ends[bucket]!;
  }
  return rows;
}

function compareRows({ user, item, time, rating, label }: RowColumns, a: number, b: number): number {
  return (
    time[a]! - time[b]! ||
    user[a]! - user[b]! ||
    item[a]! - item[b]! ||
    rating[a]! - rating[b]! ||
    label[a]! - label[b]!
  );
}

function isSorted(columns: RowColumns): boolean {
  for (let row = 1; row < columns.user.length; row++)
    if (compareRows(columns, row - 1, row) > 0) return false;
  return true;
}
