import { historyLength, type InteractionLog } from "./log.ts";
import { seenIn } from "./summary.ts";

/** Some of the rows of a part, which have something in common. */
export interface RowSegment {
  /** Stands alone: `new users`, `history of 1 to 5`. */
  readonly name: string;
  /** Positions among the rows that were divided, ascending. */
  readonly rows: Uint32Array;
}

/** Up to this many events each; what is longer is the last segment. */
const historyEnds: readonly number[] = [0, 5, 20];
const itemEnds: readonly number[] = [0, 9, 99, 999];

/**
 * Rows of a log divided in four ways, each of which has every row once: users and items without an event in the training
 * part (new) and with one; by the number of the user's earlier events (0, 1 to 5, 6 to 20, 21 or more); and of the item's
 * (0, 1 to 9, 10 to 99, 100 to 999, 1,000 or more). Earlier events are those of the log under its rule for ties, whatever
 * their part, as a server would know them. Segments without a row are left out.
 */
export function rowSegments(log: InteractionLog, train: Uint32Array, rows: Uint32Array): RowSegment[] {
  const seen = seenIn(log, train);
  const known = (kind: "user" | "item"): number[] => Array.from(rows, (row) => seen[kind][log[kind][row]!]!);
  const histories = Array.from(rows, (row) => bucketOf(historyLength(log, row), historyEnds));
  const itemEvents = earlierItemEvents(log);
  const items = Array.from(rows, (row) => bucketOf(itemEvents[row]!, itemEnds));
  return [
    ...divided(known("user"), ["new users", "known users"]),
    ...divided(histories, bucketNames("no history", "history of", historyEnds)),
    ...divided(known("item"), ["new items", "known items"]),
    ...divided(items, bucketNames("items without events", "items with", itemEnds)),
  ];
}

/** For each row the number of its item's events before it, by the log's rule for ties. */
function earlierItemEvents({ size, item, time, items, history }: InteractionLog): Uint32Array {
  const counts = new Uint32Array(items.ids.length);
  const earlier = new Uint32Array(size);
  const isOneInstant = (a: number, b: number): boolean => history.ties === "exclude" && time[a] === time[b];
  for (let begin = 0; begin < size;) {
    let end = begin + 1;
    // Rows of one instant do not know each other
    while (end < size && isOneInstant(begin, end)) end++;
    for (let row = begin; row < end; row++) earlier[row] = counts[item[row]!]!;
    for (let row = begin; row < end; row++) counts[item[row]!]! += 1;
    begin = end;
  }
  return earlier;
}

/** The first bucket whose end is not below the count; the one after the last where there is none. */
function bucketOf(count: number, ends: readonly number[]): number {
  const bucket = ends.findIndex((end) => count <= end);
  return bucket < 0 ? ends.length : bucket;
}

function bucketNames(ofNone: string, prefix: string, ends: readonly number[]): string[] {
  const names = ends.slice(1).map((end, bucket) => `${prefix} ${ends[bucket]! + 1} to ${end}`);
  return [ofNone, ...names, `${prefix} ${(ends.at(-1)! + 1).toLocaleString("en")} or more`];
}

function divided(segmentOf: readonly number[], names: readonly string[]): RowSegment[] {
  return names
    .map((name, segment) => ({
      name,
      rows: Uint32Array.from(segmentOf.flatMap((of, position) => (of === segment ? [position] : []))),
    }))
    .filter(({ rows }) => rows.length > 0);
}
