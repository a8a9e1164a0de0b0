import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  fitFeatureMap,
  type InteractionLog,
  loadLog,
  movieLens1M,
  movieTweetings,
  splitLog,
} from "../index.ts";
import { statisticsByRow } from "./columns.test-helper.ts";
import { eightByRow, eightStatistics } from "./eight-statistics.test-helper.ts";

// Eight numbers that were known before each rating, again and written another way, on whole data sets.
const file = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
// MovieLens may not be redistributed, so it lies beside the repository or not at all.
const ml1m = file("../shared/data/ml-1m.zip");
if (!existsSync(ml1m)) console.log(`skipped: there is no ${ml1m}`);

describe.each([
  { title: "MovieTweetings", of: movieTweetings, path: file("data/movietweetings-100k"), size: 100_000 },
  { title: "MovieLens-1M", of: movieLens1M, path: ml1m, size: 1_000_209 },
])("the eight numbers of every row of $title", ({ of, path, size }) => {
  test.skipIf(!existsSync(path))("equal a recomputation, under both rules for ties", async () => {
    const config = of(path);
    const loaded = await loadLog(config);
    expect(loaded.size).toBe(size);
    const { train } = splitLog(loaded, config);
    for (const ties of ["exclude", "order"] as const) {
      const log: InteractionLog = { ...loaded, history: { ...loaded.history, ties } };
      const plan = fitFeatureMap(eightStatistics, log, train).statistics!;
      // The mean of the training samples, again; ML-1M's are not simply the first rows: they have five earlier events.
      const mean = (column: ArrayLike<number>): number =>
        train.reduce((sum, row) => sum + column[row]!, 0) / train.length;
      const means = { rating: mean(log.rating), label: mean(log.label) };
      const columns = statisticsByRow(plan, log);
      for (const [s, expected] of eightByRow(log, means).entries()) {
        const { name, empty } = plan.statistics[s]!;
        let worst = 0;
        for (const [row, value] of expected.entries()) {
          const actual = columns[s]![row]!;
          const difference = Math.abs((Number.isNaN(actual) ? empty! : actual) - value);
          worst = Math.max(worst, difference / Math.max(1, Math.abs(value)));
        }
        expect(worst, `${name}, ties: ${ties}`).toBeLessThan(1e-6);
      }
    }
  });
});
