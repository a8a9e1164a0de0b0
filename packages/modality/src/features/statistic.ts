import { CorellaError } from "@corella/errors";
import type { Catalogue } from "../catalogue.ts";
import { historyOf, type InteractionLog, isLiked } from "../log.ts";
import { type HistoryEvent, type RatingRecord, recordAt } from "../record.ts";
import { statisticsOfLog } from "../statistics/count-log.ts";
import type { OwnEvent } from "../statistics/own-events.ts";
import { type PlannedStatistic, saidOfEvents, type StatisticsPlan } from "../statistics/plan.ts";
import type { RunningStatistics } from "../statistics/running-statistics.ts";
import { type NeedsHistory, requireHistory } from "./history-window.ts";
import { bucketId, type FittedTransform, transformNumber } from "./numeric.ts";

/**
 * One column of a statistic: standardised numbers, or ids of buckets. Where nothing was before (NaN) the number is that of
 * the mean which the statistic is shrunk to, and 0, the mean of the training rows, where it is shrunk to none; the id is
 * that of no value, which has an embedding of its own.
 */
export function encodeStatistic(
  { empty }: PlannedStatistic,
  transform: FittedTransform,
  size: number,
  valueOf: (index: number) => number,
): Int32Array | Float32Array {
  if (transform.kind === "buckets") {
    const ids = new Int32Array(size);
    for (let i = 0; i < size; i++) ids[i] = bucketId(transform.boundaries, presentOr(undefined, valueOf(i)));
    return ids;
  }
  const numbers = new Float32Array(size);
  for (let i = 0; i < size; i++) numbers[i] = transformNumber(transform, presentOr(empty, valueOf(i)));
  return numbers;
}

function presentOr(empty: number | undefined, value: number): number | undefined {
  return Number.isNaN(value) ? empty : value;
}

/** What is read of records, and from which rating on an event of a history counts as positive. */
interface CountedStatisticsOf {
  readonly statistics: StatisticsPlan;
  readonly likedThreshold: number;
}

/**
 * The statistics of records, in the order of the plan: those that a record brings, else those counted up to now, and with
 * the events of the record's history that were not counted in what is its user's own.
 * @param counted may count further statistics too
 * @throws CorellaError `features/no-statistics` where there are neither
 */
export function statisticsOfRecords(
  { statistics: plan, likedThreshold }: CountedStatisticsOf,
  records: readonly RatingRecord[],
  catalogue: Catalogue | undefined,
  counted: RunningStatistics | undefined,
): Float32Array[] {
  const positions = counted === undefined ? [] : positionsIn(plan, counted);
  return records.map((record) => {
    const { statistics } = record;
    if (statistics !== undefined) {
      return Float32Array.from(plan.statistics, ({ name }) =>
        Object.hasOwn(statistics, name) ? statistics[name]! : Number.NaN,
      );
    }
    if (counted === undefined) throw notCounted(plan.statistics[0]!.name);
    const values = counted.valuesOf(record, catalogue, ownEventsOf(record, likedThreshold));
    return Float32Array.from(positions, (position) => values[position]!);
  });
}

/**
 * The statistics of a record by name, as a record brings them: those it brings, else those counted up to now.
 * @throws CorellaError `features/no-statistics` where there are neither
 */
export function statisticsOfRecord(
  of: CountedStatisticsOf,
  record: RatingRecord,
  catalogue: Catalogue | undefined,
  counted: RunningStatistics | undefined,
): NonNullable<RatingRecord["statistics"]> {
  const [values] = statisticsOfRecords(of, [record], catalogue, counted);
  return byName(of.statistics, (s) => values![s]!);
}

/**
 * A record whose newest events bring their statistics, each as of its own moment: those that an event brings, else those that a
 * sample there and then would have had, of an event that was not counted. A plan that says none of events leaves it as it is.
 * @param newest so many events are told
 * @throws CorellaError `features/no-event-statistics` for an event that was counted, or where nothing was
 */
export function withEventStatistics(
  { statistics: plan, likedThreshold }: CountedStatisticsOf,
  record: RatingRecord,
  newest: number,
  catalogue: Catalogue | undefined,
  counted: RunningStatistics | undefined,
): RatingRecord {
  const { history } = record;
  const told = history.length - newest;
  if (saidOfEvents(plan).length === 0) return record;
  if (history.every(({ statistics }, i) => i < told || statistics !== undefined)) return record;
  const values = counted?.valuesOfEvents(record, catalogue, ownEventsOf(record, likedThreshold));
  const positions = counted === undefined ? [] : positionsIn(plan, counted);
  return {
    ...record,
    history: history.map((event, i) => {
      if (i < told || event.statistics !== undefined) return event;
      const own = values?.[i];
      if (own === undefined) throw eventNotKnown(event);
      return { ...event, statistics: eventValues(plan, (s) => own[positions[s]!]!) };
    }),
  };
}

function eventNotKnown({ item, time }: HistoryEvent): CorellaError {
  return new CorellaError({
    code: "features/no-event-statistics",
    message: `The prompt says running statistics of each event as of its own moment, and those of the event of item "${item}"${time === undefined ? "" : ` at ${time}`} are not known.`,
    place: "history",
    remedy:
      "Leave history out for a user that the bundle knows, or tell events as the bundle's histories have them and later ones, with their times; an event may also bring its statistics.",
  });
}

function ownEventsOf({ history }: RatingRecord, likedThreshold: number): OwnEvent[] {
  // Named one by one: of thirty events of each request a spread is most of the work.
  return history.map(({ item, rating, time, context }) => ({
    item,
    rating,
    time,
    context,
    label: isLiked(rating, likedThreshold) ? 1 : 0,
  }));
}

function positionsIn({ statistics }: StatisticsPlan, { plan }: RunningStatistics): number[] {
  return statistics.map(({ name }) => {
    const position = plan.statistics.findIndex((counted) => counted.name === name);
    if (position < 0) throw notCounted(name);
    return position;
  });
}

function notCounted(name: string): CorellaError {
  return new CorellaError({
    code: "features/no-statistics",
    message: `"${name}" is a running statistic, and it was not counted.`,
    remedy: "Give the running statistics of the bundle or log, or records that bring their own.",
  });
}

function byName(
  { statistics }: StatisticsPlan,
  valueOf: (position: number) => number,
): Record<string, number> {
  const known: Record<string, number> = {};
  for (const [s, { name }] of statistics.entries()) {
    const value = valueOf(s);
    if (!Number.isNaN(value)) known[name] = value;
  }
  return known;
}

/** Those of an event that are said of events. */
function eventValues(plan: StatisticsPlan, valueOf: (position: number) => number): ReturnType<typeof byName> {
  return byName(plan, (s) => (plan.statistics[s]!.ofEvents === true ? valueOf(s) : Number.NaN));
}

/** What needs running statistics: a feature map, a prompt, a bundle. Of several, `planOfBoth` makes one. */
export interface NeedsStatistics extends NeedsHistory {
  readonly statistics: StatisticsPlan | undefined;
}

/**
 * The statistics of rows of a log as of their own time, by name, as a record brings them.
 * @param needs undefined, or without statistics: nothing for a model that needs none
 * @returns those of the row at a position; undefined where none are needed
 */
export function statisticsAt(
  log: InteractionLog,
  rows: ArrayLike<number>,
  needs: NeedsStatistics | undefined,
): ((position: number) => Record<string, number>) | undefined {
  const plan = needs?.statistics;
  if (plan === undefined) return undefined;
  const values = statisticsOfLog(plan, log).rows.at(rows);
  const width = plan.statistics.length;
  return (position) => byName(plan, (s) => values[position * width + s]!);
}

/**
 * The samples at rows of a log, each with the statistics that are needed as of its own time, its events with those of theirs where
 * a prompt says them, and the history that is looked at.
 * @param needs undefined, or without statistics: nothing for a model that needs none
 * @param eventsOf how many events each row tells at most; default: those that are looked at
 * @throws CorellaError those of `requireHistory`
 */
export function recordsAt(
  log: InteractionLog,
  rows: ArrayLike<number>,
  needs: NeedsStatistics | undefined,
  eventsOf?: (row: number) => number,
): RatingRecord[] {
  requireHistory(log, needs ?? {});
  const read = statisticsAt(log, rows, needs);
  const lengthOf = (row: number): number => eventsOf?.(row) ?? needs?.historyLength ?? log.history.maxLength;
  const histories =
    saidOfEvents(needs?.statistics).length === 0
      ? undefined
      : Array.from(rows, (row) => historyOf(log, row, lengthOf(row)));
  const ofEvents = histories && statisticsOfEventsAt(log, histories, needs!.statistics!);
  return Array.from(rows, (row, i) => {
    const record = recordAt(log, row, lengthOf(row));
    if (read === undefined) return record;
    const history =
      ofEvents === undefined
        ? record.history
        : record.history.map((event, j) => ({ ...event, statistics: ofEvents(histories![i]![j]!) }));
    return { ...record, history, statistics: read(i) };
  });
}

/** The statistics that are said of events, by the event's row. @param histories rows of the log */
export function statisticsOfEventsAt(
  log: InteractionLog,
  histories: readonly ArrayLike<number>[],
  plan: StatisticsPlan,
): (row: number) => Record<string, number> {
  const rows = Uint32Array.from(new Set(histories.flatMap((history) => Array.from(history)))).sort();
  const values = statisticsOfLog(plan, log).rows.at(rows);
  const width = plan.statistics.length;
  const said = new Map<number, Record<string, number>>();
  for (const [i, row] of rows.entries()) {
    said.set(
      row,
      eventValues(plan, (s) => values[i * width + s]!),
    );
  }
  return (row) => said.get(row)!;
}
