import type { Attributes } from "../log.ts";
import { isUserId } from "./config.ts";
import type { StatisticsPlan } from "./plan.ts";
import { createTallies, lastAt, makeRoom, type Tally } from "./tallies.ts";

/** An event of a sample's user, as a request tells it. */
export interface OwnEvent {
  item: string;
  rating: number;
  /** Whether it was positive: 0 or 1. */
  label: number;
  /** Seconds since 1970. */
  time?: number | undefined;
  /** Values of the interaction itself, for statistics whose key names one. */
  context?: Attributes | undefined;
}

/** What the events that were observed left behind; read only here. */
export interface Counted {
  readonly ties: "exclude" | "order";
  readonly latest: number;
  /** Codes by dimension, then by value. */
  readonly names: readonly ReadonlyMap<string, number>[];
  readonly tallies: readonly Tally[];
}

/** An own event to be counted; `isTimed`: its time was told. */
export type UnseenEvent = OwnEvent & { readonly time: number; readonly isTimed: boolean };

/**
 * Finds which of a user's events were not observed, and are before the sample: those later than the user's latest that was, or
 * all where none was. Only then can events without a time be told from observed ones, and they get one just before the sample.
 */
export function unseenEvents(
  plan: StatisticsPlan,
  { ties, latest, names, tallies }: Counted,
  sample: { readonly user: string | null; readonly time?: number | undefined },
  events: readonly OwnEvent[],
): UnseenEvent[] {
  const byUser = plan.dimensions.findIndex(isUserId);
  if (byUser < 0 || events.length === 0) return [];
  const code = sample.user === null ? undefined : names[byUser]!.get(sample.user);
  const ofUser = tallies.find(
    ({ plan: { dimensions } }) => dimensions.length === 1 && dimensions[0] === byUser,
  );
  const seenUntil =
    code === undefined
      ? Number.NEGATIVE_INFINITY
      : ofUser === undefined
        ? latestInPairs(byUser, code, names, tallies)
        : (ofUser.cells[code * ofUser.width + lastAt] ?? Number.NEGATIVE_INFINITY);
  const now = sample.time ?? (Number.isFinite(latest) ? latest : 1);
  const isBefore = (time: number): boolean =>
    sample.time === undefined || time < sample.time || (ties === "order" && time === sample.time);
  return events.flatMap((event) => {
    const time = event.time ?? (seenUntil === Number.NEGATIVE_INFINITY ? now - 1 : undefined);
    return time !== undefined && time > seenUntil && isBefore(time)
      ? [{ ...event, time, isTimed: event.time !== undefined }]
      : [];
  });
}

/** The latest event of a user that pairs with the user have; -Infinity without one. */
function latestInPairs(
  byUser: number,
  user: number,
  names: Counted["names"],
  tallies: readonly Tally[],
): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { plan, pairs, cells, width } of tallies) {
    const [d, e] = plan.dimensions as [number, number?];
    if (e === undefined || (d !== byUser && e !== byUser)) continue;
    const { size } = names[d === byUser ? e : d]!;
    for (let other = 0; other < size; other++) {
      const key = d === byUser ? pairs!.find(user, other) : pairs!.find(other, user);
      if (key >= 0) latest = Math.max(latest, cells[key * width + lastAt] ?? Number.NEGATIVE_INFINITY);
    }
  }
  return latest;
}

/** Positions of the statistics whose key names the user: nobody else's events are in them. */
export function statisticsByUser({ tallies, dimensions }: StatisticsPlan): number[] {
  return tallies.flatMap((tally) =>
    tally.dimensions.some((d) => isUserId(dimensions[d]!)) ? tally.statistics : [],
  );
}

/**
 * What was counted for the keys of some subjects alone, with memory of its own: it can be counted on, and the rest does not
 * know of it.
 * @param sources of a key, the first that has an event of it
 * @param subjects the values of each along every dimension
 */
export function countedFor(
  plan: StatisticsPlan,
  sources: readonly Pick<Counted, "names" | "tallies">[],
  subjects: readonly (readonly (readonly string[])[])[],
): Pick<Counted, "tallies"> & { readonly names: readonly Map<string, number>[] } {
  const names = plan.dimensions.map(() => new Map<string, number>());
  const codeOf = (d: number, value: string): number => {
    const known = names[d]!.get(value);
    if (known !== undefined) return known;
    names[d]!.set(value, names[d]!.size);
    return names[d]!.size - 1;
  };
  const own = createTallies(plan);
  const copy = (t: number, key: number, values: readonly [string, string?]): void => {
    const { cells, width } = own[t]!;
    if (key * width >= cells.length) makeRoom(own[t]!, key + 1);
    for (const source of sources) {
      const found = cellsOf(source, t, values);
      if (found !== undefined) return own[t]!.cells.set(found, key * width);
    }
  };
  for (const values of subjects) {
    for (const [t, { plan: tally, pairs }] of own.entries()) {
      const [d, e] = tally.dimensions as [number, number | undefined];
      for (const first of values[d]!) {
        const code = codeOf(d, first);
        if (e === undefined) copy(t, code, [first]);
        else for (const second of values[e]!) copy(t, pairs!.add(code, codeOf(e, second)), [first, second]);
      }
    }
  }
  return { names, tallies: own };
}

/** The cells of a key in a tally; undefined without an event of it. */
function cellsOf(
  { names, tallies }: Pick<Counted, "names" | "tallies">,
  t: number,
  [first, second]: readonly [string, string?],
): Float64Array | undefined {
  const { plan, pairs, cells, width } = tallies[t]!;
  const [d, e] = plan.dimensions as [number, number?];
  const code = names[d]!.get(first);
  const other = e === undefined ? undefined : names[e]!.get(second!);
  if (code === undefined || (e !== undefined && other === undefined)) return undefined;
  const key = e === undefined ? code : pairs!.find(code, other!);
  const at = key * width;
  if (key < 0 || at >= cells.length || cells[at + lastAt] === Number.NEGATIVE_INFINITY) return undefined;
  return cells.subarray(at, at + width);
}
