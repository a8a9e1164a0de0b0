import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import {
  fitFeatureMap,
  type InteractionLog,
  loadLog,
  movieTweetings,
  splitLog,
  type StatisticConfig,
} from "../index.ts";
import { statisticsByRow } from "./count-log.ts";

// Eight numbers that were known before each rating, again and written another way.
const config = movieTweetings(
  fileURLToPath(new URL("../../../../data/movietweetings-100k", import.meta.url)),
);
const eight: StatisticConfig[] = (["item", "user"] as const).flatMap((by): StatisticConfig[] => [
  { name: `${by}_mean`, type: "statistic", value: "mean", by },
  { name: `${by}_count`, type: "statistic", value: "count", by },
  { name: `${by}_liked`, type: "statistic", value: "mean", of: "label", by },
  { name: `${by}_deviation`, type: "statistic", value: "deviation", by },
]);
let strict: InteractionLog;

beforeAll(async () => {
  strict = await loadLog(config);
});

test.each(["exclude", "order"] as const)("of 100,000 rows, ties: %s", (ties) => {
  const log: InteractionLog = { ...strict, history: { ...strict.history, ties } };
  const { train } = splitLog(strict, config);
  const featureMap = fitFeatureMap(eight, log, train);
  const columns = statisticsByRow(featureMap.statistics!, log);
  const expected = eightByRow(log, train.length);
  let worst = 0;
  for (const [s, { empty }] of featureMap.statistics!.statistics.entries())
    for (let row = 0; row < log.size; row++) {
      const value = columns[s]![row]!;
      worst = Math.max(worst, Math.abs((Number.isNaN(value) ? empty! : value) - expected[s]![row]!));
    }
  expect(worst).toBeLessThan(1e-6);
});

/** The eight columns of every row by dictionaries of lists; the first rows of the log are for training. */
function eightByRow(log: InteractionLog, trainSize: number): number[][] {
  const average = (values: number[], more = 0, of = 0): number =>
    (values.reduce((sum, value) => sum + value, 0) + more * of) / (values.length + more);
  const meanRating = average([...log.rating.subarray(0, trainSize)]);
  const meanLabel = average([...log.label.subarray(0, trainSize)]);
  interface Past {
    ratings: number[];
    labels: number[];
    deviations: number[];
  }
  const pasts = { item: new Map<number, Past>(), user: new Map<number, Past>() };
  const pastOf = (by: "item" | "user", row: number): Past => {
    const of = pasts[by];
    if (!of.has(log[by][row]!)) of.set(log[by][row]!, { ratings: [], labels: [], deviations: [] });
    return of.get(log[by][row]!)!;
  };
  const columns: number[][] = eight.map(() => []);
  let waiting: (() => void)[] = [];
  for (let row = 0; row < log.size; row++) {
    if (log.history.ties === "order" || log.time[row] !== log.time[row - 1]) {
      for (const enter of waiting) enter();
      waiting = [];
    }
    const both = (["item", "user"] as const).map((by) => pastOf(by, row));
    for (const [b, { ratings, labels, deviations }] of both.entries()) {
      columns[4 * b]!.push(average(ratings, 5, meanRating));
      columns[4 * b + 1]!.push(Math.log(1 + ratings.length));
      columns[4 * b + 2]!.push(average(labels, 5, meanLabel));
      columns[4 * b + 3]!.push(average(deviations, 5, 0));
    }
    const means = both.map(({ ratings }) => average(ratings, 5, meanRating));
    waiting.push(() => {
      for (const [b, past] of both.entries()) {
        past.ratings.push(log.rating[row]!);
        past.labels.push(log.label[row]!);
        past.deviations.push(log.rating[row]! - means[1 - b]!);
      }
    });
  }
  return columns;
}
