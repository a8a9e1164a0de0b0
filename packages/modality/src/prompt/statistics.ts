import { decimalRating } from "../log.ts";
import type { RatingRecord } from "../record.ts";
import { planStatistics, type StatisticsPlan, type StatisticToPlan } from "../statistics/plan.ts";

/** What templates may say of the events before a sample, as `item.mean`, and the statistic that it is: as it is counted, not shrunk. */
const valuesByName = {
  mean: { value: "mean" },
  share: { value: "mean", of: "label" },
  count: { value: "count" },
  last: { value: "last" },
  sinceLast: { value: "sinceLast" },
} as const;

/** Names of the statistics that templates know of the item and of the user. */
export const statisticNames: readonly string[] = Object.keys(valuesByName);

/** Whose statistics templates know. */
export type StatisticSide = "item" | "user";

/** Whether a statistic's name is one that templates use, such as `item.mean`: no feature may have it. */
export function isTemplateStatistic(name: string): boolean {
  const [side, statistic, ...rest] = name.split(".");
  return (side === "item" || side === "user") && statisticNames.includes(statistic!) && rest.length === 0;
}

/** By which the events of a user that were counted are told from those that were not. */
const latestOfUser = "user.sinceLast";

/**
 * What is to be counted for templates.
 * @param names such as `item.mean`
 * @param ofEvents those that are said of the events of a history
 */
export function templateStatistics(
  names: Iterable<string>,
  ofEvents: ReadonlySet<string>,
): StatisticToPlan[] {
  const all = new Set([...names, ...ofEvents, ...(ofEvents.size === 0 ? [] : [latestOfUser])]);
  return [...all].sort().map((name) => {
    const [by, statistic] = name.split(".") as [StatisticSide, keyof typeof valuesByName];
    const config = valuesByName[statistic];
    const prior = config.value === "mean" ? { prior: 0 } : {};
    const said = ofEvents.has(name) ? { ofEvents: true as const } : {};
    return { name, type: "statistic", by, ...config, ...prior, plain: true, ...said };
  });
}

/**
 * A plan of nothing but what templates use; undefined where they use nothing. No mean of the training part enters it.
 * @param ofEvents those that are said of the events of a history
 */
export function planOfTemplates(
  names: Iterable<string>,
  ofEvents: ReadonlySet<string>,
): StatisticsPlan | undefined {
  const statistics = templateStatistics(names, ofEvents);
  return statistics.length === 0 ? undefined : planStatistics(statistics, { rating: 0, label: 0 });
}

/** The statistics of a sample as templates see them. A count of nothing is 0; all else that nothing was before is left out. */
export function statisticsContext(
  values: NonNullable<RatingRecord["statistics"]>,
): Record<StatisticSide, Record<string, number>> {
  const ofSide = (side: StatisticSide): Record<string, number> => {
    const known: Record<string, number> = { count: 0 };
    for (const name of statisticNames) {
      const key = `${side}.${name}`;
      // 32-bit floats, as batches have them, told in the decimals that they mean.
      if (Object.hasOwn(values, key)) known[name] = decimalRating(values[key]!);
    }
    return known;
  };
  return { item: ofSide("item"), user: ofSide("user") };
}
