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
}

/** What the events that were observed left behind; read only here. */
export interface Counted {
  readonly ties: "exclude" | "order";
  readonly latest: number;
  /** Codes by dimension, then by value. */
  readonly names: readonly ReadonlyMap<string, number>[];
  readonly tallies: readonly Tally[];
}

/**
 * Finds which of a user's events were not observed, and are before the sample: those later than the user's latest that was, or
 * all where none was. Only then can events without a time be told from observed ones, and they get one just before the sample.
 */
export function unseenEvents(
  plan: StatisticsPlan,
  { ties, latest, names, tallies }: Counted,
  sample: { readonly user: string | null; readonly time?: number | undefined },
  events: readonly OwnEvent[],
): (OwnEvent & { time: number })[] {
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
        ? latest // pairs with a user do not tell when the user was last there
        : (ofUser.cells[code * ofUser.width + lastAt] ?? Number.NEGATIVE_INFINITY);
  const now = sample.time ?? (Number.isFinite(latest) ? latest : 1);
  const isBefore = (time: number): boolean =>
    sample.time === undefined || time < sample.time || (ties === "order" && time === sample.time);
  return events.flatMap((event) => {
    const time = event.time ?? (seenUntil === Number.NEGATIVE_INFINITY ? now - 1 : undefined);
    return time !== undefined && time > seenUntil && isBefore(time) ? [{ ...event, time }] : [];
  });
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
 * @param subjects the values of each along every dimension
 */
export function countedFor(
  plan: StatisticsPlan,
  { names, tallies }: Pick<Counted, "names" | "tallies">,
  subjects: readonly (readonly (readonly string[])[])[],
): { names: string[][]; tallies: Tally[] } {
  const codes = plan.dimensions.map(() => new Map<string, number>());
  const codeOf = (d: number, value: string): number => {
    const known = codes[d]!.get(value);
    if (known !== undefined) return known;
    codes[d]!.set(value, codes[d]!.size);
    return codes[d]!.size - 1;
  };
  const own = createTallies(plan);
  for (const values of subjects) {
    for (const [t, tally] of own.entries()) {
      const all = tallies[t]!;
      const [d, e] = tally.plan.dimensions as [number, number | undefined];
      for (const first of values[d]!) {
        const [here, there] = [codeOf(d, first), names[d]!.get(first)];
        if (e === undefined) copyKey(all, there, tally, here);
        else
          for (const second of values[e]!) {
            const pair = tally.pairs!.add(here, codeOf(e, second));
            const other = names[e]!.get(second);
            const known = there !== undefined && other !== undefined;
            copyKey(all, known ? all.pairs!.find(there, other) : undefined, tally, pair);
          }
      }
    }
  }
  return { names: codes.map((ofDimension) => [...ofDimension.keys()]), tallies: own };
}

function copyKey(from: Tally, source: number | undefined, to: Tally, target: number): void {
  const { width } = from;
  if (target * width >= to.cells.length) makeRoom(to, target + 1);
  if (source === undefined || source < 0 || source * width >= from.cells.length) return;
  to.cells.set(from.cells.subarray(source * width, (source + 1) * width), target * width);
}
