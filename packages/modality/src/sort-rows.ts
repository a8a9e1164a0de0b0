/** The rows of a log, column by column: what `createLog` sorts. */
export interface RowColumns {
  /** Codes of users. */
  user: Int32Array;
  /** Codes of items. */
  item: Int32Array;
  rating: Float32Array;
  /** Seconds since 1970. */
  time: Float64Array;
  /** 0 or 1. */
  label: Uint8Array;
  /** Where each row was before; moved with them. */
  origin?: Uint32Array | undefined;
  /** 0, 1, 2: of the training, validation, test part that the source itself says; absent where it says none. */
  part?: Uint8Array | undefined;
}

/** Rows of a part on average: few enough that its columns stay in the processor's cache. */
const partRows = 2 ** 15;
/** To more places at once a processor does not write well. */
const mostParts = 1024;
/** Rows of a bucket on average. */
const bucketRows = 16;
/** Up to here insertion is faster than the sort of typed arrays, which calls back for each comparison. */
const mostInserted = 64;

/**
 * Sorts the rows by (time, user, item, rating, label), in place. Linear in the rows: they are put into parts of equal
 * spans of time, those of a part into buckets, and only those of a bucket are compared. Parts come first since it is far
 * jumps in memory that take the time.
 */
export function sortRows(columns: RowColumns): void {
  if (isSorted(columns)) return;
  const { length } = columns.time;
  let start = 0;
  for (const end of groupByTime(columns, Math.min(mostParts, Math.ceil(length / partRows)))) {
    const part = rowsOf(columns, start, end);
    let first = 0;
    for (const last of groupByTime(part, Math.ceil((end - start) / bucketRows))) {
      sortFew(part, first, last);
      first = last;
    }
    start = end;
  }
}

/** Moves the rows into groups of equal spans of time, one after the other; returns where each ends. */
function groupByTime(columns: RowColumns, groups: number): Uint32Array {
  const { time } = columns;
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = 0; row < time.length; row++) {
    if (time[row]! < first) first = time[row]!;
    if (time[row]! > last) last = time[row]!;
  }
  if (groups < 2 || first === last) return Uint32Array.of(time.length);
  const perSecond = groups / (last - first);
  const places = new Uint32Array(time.length); // first the group of each row, then its place
  const ends = new Uint32Array(groups);
  for (let row = 0; row < time.length; row++) {
    const group = Math.min(groups - 1, Math.floor((time[row]! - first) * perSecond));
    places[row] = group;
    ends[group]!++;
  }
  const next = new Uint32Array(groups);
  for (let group = 1; group < groups; group++) {
    next[group] = ends[group - 1]!;
    ends[group]! += ends[group - 1]!;
  }
  for (let row = 0; row < time.length; row++) places[row] = next[places[row]!]!++;
  move(columns, places);
  return ends;
}

/** Puts the row at i to places[i]. */
function move({ user, item, rating, time, label, part, origin }: RowColumns, places: Uint32Array): void {
  const bits = ({ buffer, byteOffset, length }: Float32Array | Uint32Array): Int32Array =>
    new Int32Array(buffer, byteOffset, length);
  for (const column of [user, item, bits(rating), ...(origin === undefined ? [] : [bits(origin)])]) {
    const before = column.slice();
    for (let i = 0; i < places.length; i++) column[places[i]!] = before[i]!;
  }
  // A loop for each kind of array, though they read alike: one that meets several kinds is several times slower.
  const timeBefore = time.slice();
  for (let i = 0; i < places.length; i++) time[places[i]!] = timeBefore[i]!;
  const labelBefore = label.slice();
  for (let i = 0; i < places.length; i++) label[places[i]!] = labelBefore[i]!;
  if (part === undefined) return;
  const partBefore = part.slice();
  for (let i = 0; i < places.length; i++) part[places[i]!] = partBefore[i]!;
}

function sortFew(columns: RowColumns, first: number, last: number): void {
  if (last - first > mostInserted) {
    const rows = rowsOf(columns, first, last);
    const order = Uint32Array.from(rows.time.keys()).sort((a, b) => compareRows(rows, a, b));
    const places = new Uint32Array(order.length);
    for (let i = 0; i < order.length; i++) places[order[i]!] = i;
    return move(rows, places);
  }
  for (let i = first + 1; i < last; i++)
    for (let at = i; at > first && compareRows(columns, at - 1, at) > 0; at--) swap(columns, at - 1, at);
}

function swap({ user, item, rating, time, label, part, origin }: RowColumns, a: number, b: number): void {
  const [userA, itemA, ratingA, timeA, labelA] = [user[a]!, item[a]!, rating[a]!, time[a]!, label[a]!];
  user[a] = user[b]!;
  item[a] = item[b]!;
  rating[a] = rating[b]!;
  time[a] = time[b]!;
  label[a] = label[b]!;
  user[b] = userA;
  item[b] = itemA;
  rating[b] = ratingA;
  time[b] = timeA;
  label[b] = labelA;
  if (origin !== undefined) [origin[a], origin[b]] = [origin[b]!, origin[a]!];
  if (part !== undefined) [part[a], part[b]] = [part[b]!, part[a]!];
}

/** Views of some rows. */
function rowsOf(
  { user, item, rating, time, label, part, origin }: RowColumns,
  first: number,
  last: number,
): RowColumns {
  return {
    user: user.subarray(first, last),
    item: item.subarray(first, last),
    rating: rating.subarray(first, last),
    time: time.subarray(first, last),
    label: label.subarray(first, last),
    ...(part !== undefined && { part: part.subarray(first, last) }),
    ...(origin !== undefined && { origin: origin.subarray(first, last) }),
  };
}

function compareRows({ user, item, time, rating, label, part }: RowColumns, a: number, b: number): number {
  return (
    time[a]! - time[b]! ||
    user[a]! - user[b]! ||
    item[a]! - item[b]! ||
    rating[a]! - rating[b]! ||
    label[a]! - label[b]! ||
    (part === undefined ? 0 : part[a]! - part[b]!)
  );
}

function isSorted(columns: RowColumns): boolean {
  for (let row = 1; row < columns.user.length; row++)
    if (compareRows(columns, row - 1, row) > 0) return false;
  return true;
}
