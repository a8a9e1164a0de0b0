import { CorellaError } from "@corella/errors";
import type { Catalogue } from "../catalogue.ts";
import { type InteractionLog, isLiked } from "../log.ts";
import { type RatingRecord, recordAt } from "../record.ts";
import { statisticsOfLog } from "../statistics/count-log.ts";
import type { OwnEvent } from "../statistics/own-events.ts";
import type { PlannedStatistic, StatisticsPlan } from "../statistics/plan.ts";
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
  const ownEvents = ({ history }: RatingRecord): OwnEvent[] =>
    history.map((event) => ({ ...event, label: isLiked(event.rating, likedThreshold) ? 1 : 0 }));
  const positions = counted === undefined ? [] : positionsIn(plan, counted);
  return records.map((record) => {
    const { statistics } = record;
    if (statistics !== undefined) {
      return Float32Array.from(plan.statistics, ({ name }) =>
        Object.hasOwn(statistics, name) ? statistics[name]! : Number.NaN,
      );
    }
    if (counted === undefined) throw notCounted(plan.statistics[0]!.name);
    const values = counted.valuesOf(record, catalogue, ownEvents(record));
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
 * The samples at rows of a log, each with the statistics that are needed as of its own time, and the history that is looked at.
 * @param needs undefined, or without statistics: nothing for a model that needs none
 * @throws CorellaError those of `requireHistory`
 */
export function recordsAt(
  log: InteractionLog,
  rows: ArrayLike<number>,
  needs: NeedsStatistics | undefined,
): RatingRecord[] {
  requireHistory(log, needs ?? {});
  const read = statisticsAt(log, rows, needs);
  return Array.from(rows, (row, i) => {
    const record = recordAt(log, row, needs?.historyLength);
    return read === undefined ? record : { ...record, statistics: read(i) };
  });
}
