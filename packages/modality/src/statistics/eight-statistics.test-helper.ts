import type { InteractionLog } from "../log.ts";
import type { StatisticConfig } from "./config.ts";
import type { StatisticMeans } from "./plan.ts";

/** Mean, count, share of positives and deviation of the item, then of the user. */
export const eightStatistics: StatisticConfig[] = (["item", "user"] as const).flatMap(
  (by): StatisticConfig[] => [
    { name: `${by}_mean`, type: "statistic", value: "mean", by },
    { name: `${by}_count`, type: "statistic", value: "count", by },
    { name: `${by}_liked`, type: "statistic", value: "mean", of: "label", by },
    { name: `${by}_deviation`, type: "statistic", value: "deviation", by },
  ],
);

interface Past {
  count: number;
  rating: number;
  label: number;
  deviation: number;
}

/**
 * The eight columns of every row again, by dictionaries of sums and nothing of the package's code; under the log's rule for
 * ties. @param means what running means are shrunk to by five events
 */
export function eightByRow(log: InteractionLog, means: StatisticMeans): Float64Array[] {
  const pasts = { item: new Map<number, Past>(), user: new Map<number, Past>() };
  const pastOf = (by: "item" | "user", row: number): Past => {
    const of = pasts[by];
    let past = of.get(log[by][row]!);
    if (past === undefined) of.set(log[by][row]!, (past = { count: 0, rating: 0, label: 0, deviation: 0 }));
    return past;
  };
  const shrunk = (sum: number, count: number, mean: number): number => (sum + 5 * mean) / (count + 5);
  const columns = eightStatistics.map(() => new Float64Array(log.size));
  let waiting: (() => void)[] = [];
  for (let row = 0; row < log.size; row++) {
    if (log.history.ties === "order" || log.time[row] !== log.time[row - 1]) {
      for (const enter of waiting) enter();
      waiting = [];
    }
    const both = [pastOf("item", row), pastOf("user", row)];
    for (const [b, { count, rating, label, deviation }] of both.entries()) {
      columns[4 * b]![row] = shrunk(rating, count, means.rating);
      columns[4 * b + 1]![row] = Math.log(1 + count);
      columns[4 * b + 2]![row] = shrunk(label, count, means.label);
      columns[4 * b + 3]![row] = shrunk(deviation, count, 0);
    }
    const others = both.map(({ rating, count }) => shrunk(rating, count, means.rating)).reverse();
    waiting.push(() => {
      for (const [b, past] of both.entries()) {
        past.count += 1;
        past.rating += log.rating[row]!;
        past.label += log.label[row]!;
        past.deviation += log.rating[row]! - others[b]!;
      }
    });
  }
  return columns;
}
