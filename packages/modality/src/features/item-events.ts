import type { Catalogue } from "../catalogue.ts";
import type { InteractionLog } from "../log.ts";
import type { RatingRecord } from "../record.ts";
import type { StatisticsPlan } from "../statistics/plan.ts";
import type { RunningStatistics } from "../statistics/running-statistics.ts";
import type { FeatureMap } from "./feature-map.ts";
import { statisticsAt, statisticsOfRecords } from "./statistic.ts";

/** Whether a feature map counts the events of items: it has a statistic of value `count` by `item` that does not age. */
export function countsItems({ statistics }: Pick<FeatureMap, "statistics">): boolean {
  return statistics !== undefined && itemCount(statistics) !== undefined;
}

/** The position of that statistic in a plan. */
function itemCount({ dimensions, tallies, statistics }: StatisticsPlan): number | undefined {
  for (const tally of tallies) {
    const [dimension, ...others] = tally.dimensions.map((position) => dimensions[position]!);
    if (others.length > 0 || dimension!.source !== "item" || dimension!.attribute !== undefined) continue;
    if (tally.halfLifeSeconds > 0) continue;
    const found = tally.statistics.find((position) => statistics[position]!.value === "count");
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * How many events of each record's item there were before it, as its features have it: what the record brings, else what was
 * counted up to now.
 * @returns undefined where the map does not count them
 * @throws CorellaError `features/no-statistics` where it does, and neither record nor `counted` knows
 */
export function itemEventsOfRecords(
  featureMap: Pick<FeatureMap, "statistics" | "likedThreshold">,
  records: readonly RatingRecord[],
  catalogue?: Catalogue,
  counted?: RunningStatistics,
): Float64Array | undefined {
  const { statistics, likedThreshold } = featureMap;
  const position = statistics && itemCount(statistics);
  if (position === undefined) return undefined;
  const one = planned(statistics!, position);
  const values = statisticsOfRecords({ statistics: one, likedThreshold }, records, catalogue, counted);
  return Float64Array.from(values, ([value]) => eventsOf(value));
}

/**
 * How many events of each row's item there were before it, under the log's rule for ties.
 * @returns undefined where the map does not count them
 */
export function itemEventsAt(
  featureMap: Pick<FeatureMap, "statistics" | "historyLength" | "historyTies">,
  log: InteractionLog,
  rows: Uint32Array,
): Float64Array | undefined {
  const { statistics } = featureMap;
  const position = statistics && itemCount(statistics);
  if (position === undefined) return undefined;
  const { name } = statistics!.statistics[position]!;
  const at = statisticsAt(log, rows, featureMap)!;
  return Float64Array.from(rows, (_, i) => eventsOf(at(i)[name]));
}

/** A plan as far as names of one statistic go; it is counted in the whole one. */
function planned(plan: StatisticsPlan, position: number): StatisticsPlan {
  return { ...plan, statistics: [plan.statistics[position]!] };
}

/** The number of events whose ln(1 + events) is given; 0 where there were none. */
function eventsOf(value: number | undefined): number {
  return value === undefined || Number.isNaN(value) ? 0 : Math.round(Math.expm1(value));
}
