import type { InteractionLog } from "@corella/modality";

/** Samples that have something in common. */
export interface Segment {
  readonly title: string;
  /** Rows of the log, ascending. */
  readonly rows: Uint32Array;
}

/** Samples by what is known of their user and item: whether training has seen them, how much, and the length of the history. */
export function segmentsOf(
  log: Pick<InteractionLog, "user" | "item" | "time" | "userRows" | "userOffsets">,
  train: Uint32Array,
  rows: Uint32Array,
): Segment[] {
  const users = countsOf(log.user, train);
  const items = countsOf(log.item, train);
  const inTraining = (row: number): number => items.get(log.item[row]!) ?? 0;
  const isNewUser = (row: number): boolean => !users.has(log.user[row]!);
  const before = (row: number): number => eventsBefore(log, row);
  const segment = (title: string, has: (row: number) => boolean): Segment => ({
    title,
    rows: rows.filter(has),
  });
  return [
    segment("new users", isNewUser),
    segment("known users", (row) => !isNewUser(row)),
    segment("new items", (row) => inTraining(row) === 0),
    ...bands.map(([from, to]) =>
      segment(
        `item seen ${bandText(from, to)} times`,
        (row) => inTraining(row) >= from && inTraining(row) <= to,
      ),
    ),
    segment("no history", (row) => before(row) === 0),
    ...bands.map(([from, to]) =>
      segment(`history of ${bandText(from, to)}`, (row) => before(row) >= from && before(row) <= to),
    ),
  ].filter(({ rows: own }) => own.length > 0);
}

/** From and to, both included. */
const bands: readonly (readonly [number, number])[] = [
  [1, 9],
  [10, 99],
  [100, Number.POSITIVE_INFINITY],
];

function bandText(from: number, to: number): string {
  return Number.isFinite(to) ? `${from} to ${to}` : `${from} and more`;
}

function countsOf(values: ArrayLike<number>, rows: Uint32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(values[row]!, (counts.get(values[row]!) ?? 0) + 1);
  return counts;
}

/** Events of the sample's user that are older than it. */
function eventsBefore(
  { user, time, userRows, userOffsets }: Pick<InteractionLog, "user" | "time" | "userRows" | "userOffsets">,
  row: number,
): number {
  const own = userRows.subarray(userOffsets[user[row]!]!, userOffsets[user[row]! + 1]!);
  let low = 0;
  let high = own.length;
  // A user's rows are in the order of time.
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time[own[middle]!]! < time[row]!) low = middle + 1;
    else high = middle;
  }
  return low;
}
