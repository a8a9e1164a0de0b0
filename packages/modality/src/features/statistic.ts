import { CorellaError } from "@corella/errors";
import type { Catalogue } from "../catalogue.ts";
import { type InteractionLog, isLiked } from "../log.ts";
import { type RatingRecord, recordAt } from "../record.ts";
import { statisticsOfLog } from "../statistics/count-log.ts";
import type { OwnEvent } from "../statistics/own-events.ts";
import type { PlannedStatistic, StatisticsPlan } from "../statistics/plan.ts";
import type { RunningStatistics } from "../statistics/running-statistics.ts";
import type { FeatureMap } from "./feature-map.ts";
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

/**
 * The statistics of records, in the plan's order: those that a record brings, else those counted up to now, and with the
 * events of the record's history that were not counted in what is its user's own.
 * @throws CorellaError `features/no-statistics` where there are neither
 */
export function statisticsOfRecords(
  { statistics: plan, likedThreshold }: FeatureMap & { readonly statistics: StatisticsPlan },
  records: readonly RatingRecord[],
  catalogue: Catalogue | undefined,
  counted: RunningStatistics | undefined,
): Float32Array[] {
  const ownEvents = ({ history }: RatingRecord): OwnEvent[] =>
    history.map((event) => ({ ...event, label: isLiked(event.rating, likedThreshold) ? 1 : 0 }));
  return records.map((record) => {
    const { statistics } = record;
    if (statistics !== undefined) {
      return Float32Array.from(plan.statistics, ({ name }) =>
        Object.hasOwn(statistics, name) ? statistics[name]! : Number.NaN,
      );
    }
    if (counted !== undefined) return counted.valuesOf(record, catalogue, ownEvents(record));
    throw new CorellaError({
      code: "features/no-statistics",
      message: `The feature "${plan.statistics[0]!.name}" is a running statistic, and nothing was counted.`,
      remedy: "Give the running statistics of the bundle or log, or records that bring their own.",
    });
  });
}

/**
 * The samples at rows of a log, each with the statistics of the feature map as of its own time.
 * @param featureMap undefined: records without statistics, as for a model that needs none
 */
export function recordsAt(
  log: InteractionLog,
  rows: ArrayLike<number>,
  featureMap: FeatureMap | undefined,
): RatingRecord[] {
  const plan = featureMap?.statistics;
  const values = plan === undefined ? undefined : statisticsOfLog(plan, log).rows.at(rows);
  return Array.from(rows, (row, i) => {
    const record = recordAt(log, row);
    if (plan === undefined) return record;
    const statistics: Record<string, number> = {};
    for (const [s, { name }] of plan.statistics.entries()) {
      const value = values![i * plan.statistics.length + s]!;
      if (!Number.isNaN(value)) statistics[name] = value;
    }
    return { ...record, statistics };
  });
}
