import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import {
  catalogueFromJson,
  catalogueFromLog,
  createPrompt,
  encodeRecords,
  encodeRows,
  featureMapFromJson,
  type FeatureConfig,
  fitFeatureMap,
  historyOf,
  type InteractionLog,
  loadLog,
  type LogSplit,
  movieTweetings,
  recordAt,
  splitLog,
  summarise,
} from "./index.ts";
import { expectSameIds } from "./same-batch.test-helper.ts";

const config = movieTweetings(fileURLToPath(new URL("../../../data/movietweetings-100k", import.meta.url)));
const features: FeatureConfig[] = [
  { name: "user", type: "categorical", field: "user" },
  { name: "item", type: "categorical", field: "item", minCount: 2 },
  { name: "year", type: "categorical", field: "item.year" },
  { name: "genre", type: "categorical", field: "item.genres[0]" },
  {
    name: "history",
    type: "sequence",
    field: "history.item",
    maxLength: 30,
    pooling: "mean",
    shareWith: "item",
  },
  { name: "historyRating", type: "sequence", field: "history.rating", maxLength: 30, pooling: "mean" },
  {
    name: "liked",
    type: "sequence",
    field: "history.item",
    maxLength: 20,
    pooling: "sum",
    shareWith: "item",
    where: "liked",
  },
  {
    name: "disliked",
    type: "sequence",
    field: "history.item.genres[0]",
    maxLength: 5,
    pooling: "mean",
    shareWith: "genre",
    where: "disliked",
  },
  {
    name: "genres",
    type: "multivalued",
    field: "item.genres",
    maxLength: 4,
    pooling: "mean",
    shareWith: "genre",
  },
  { name: "age", type: "numeric", field: "item.year", transform: "standard" },
  { name: "activity", type: "numeric", field: "history.length", transform: { buckets: 6 } },
  { name: "hour", type: "categorical", field: "time.hour" },
];

let log: InteractionLog;
let split: LogSplit;

beforeAll(async () => {
  log = await loadLog(config);
  split = splitLog(log, config);
});

describe("MovieTweetings", () => {
  test("splits 100,000 ratings into 80,000, 10,000 and 10,000 by time", () => {
    expect([log.size, split.train.length, split.validation.length, split.test.length]).toEqual([
      100_000, 80_000, 10_000, 10_000,
    ]);
    expect([log.users.activeCount, log.items.activeCount]).toEqual([16_554, 10_506]);
    expect(log.report).toMatchObject({ rowsRead: 100_000, skipped: [], duplicates: 0, removedByKCore: 0 });
    expect(log.report.warnings).toEqual([]);
  });

  test("has the shares of cold starts that method.md section 6 tells", () => {
    const { cold } = summarise(log, split).parts.test;
    const percent = Object.values(cold).map((share) => Math.round(share * 100));
    expect(percent).toEqual([33, 19, 15]);
  });

  test("reads titles, years, genres", () => {
    const code = log.items.ids.indexOf("0004972");
    expect(log.items.attributes[code]).toEqual({
      title: "The Birth of a Nation",
      year: 1915,
      genres: ["Drama", "History", "Romance", "War"],
    });
  });

  test("encodes 5,000 rows alike from the log and from records as they come online", () => {
    const saved = JSON.stringify(fitFeatureMap(features, log, split.train).toJson());
    const featureMap = featureMapFromJson(JSON.parse(saved));
    const catalogue = catalogueFromJson(JSON.parse(JSON.stringify(catalogueFromLog(log).toJson())));
    const rows = Uint32Array.from({ length: 5_000 }, (_, i) => i * 20 + (i % 20));
    const offline = encodeRows(featureMap, log, rows);
    const records = Array.from(rows, (row) => {
      const { itemAttributes: _, ...record } = recordAt(log, row); // the server has the catalogue
      return record;
    });
    expectSameIds(encodeRecords(featureMap, JSON.parse(JSON.stringify(records)), catalogue), offline);
    expect(offline.labels).toEqual(Float32Array.from(rows, (row) => (log.rating[row]! >= 8 ? 1 : 0)));
  });

  test("writes Template A for a test row", () => {
    const row = split.test.find((candidate) => historyOf(log, candidate).length === 2)!;
    const [first, second] = Array.from(historyOf(log, row), (past) => {
      const { title, year } = log.items.attributes[log.item[past]!]!;
      return `"${title} (${year})" (${log.rating[past]}/10)`;
    });
    const { title, year, genres } = log.items.attributes[log.item[row]!]!;
    const prompt = createPrompt({ ratingScale: 10, likedThreshold: 8 });
    expect(prompt.render(recordAt(log, row), catalogueFromLog(log))).toBe(
      `Below is the rating history of a user: ${first}, ${second}. Please predict whether the user will like "${title} (${year})" (${(genres as string[]).join(", ")}) based on his/her rating history and the quality of the target item. You should ONLY answer no or yes. Answer: `,
    );
  });
});
