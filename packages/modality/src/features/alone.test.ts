import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  type Attributes,
  createLog,
  type FeatureConfig,
  type FeaturesAlone,
  featuresAlone,
  featureGroups,
  featureWarnings,
  fitFeatureMap,
  type InteractionLog,
  loadLog,
  type LogSplit,
  movieTweetings,
  splitLog,
} from "../index.ts";

/** Pairs of a positive and a negative, each counted. */
function auc(scores: Float32Array, labels: Float32Array): number {
  let [wins, pairs] = [0, 0];
  for (const [i, a] of scores.entries()) {
    for (const [j, b] of scores.entries()) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      wins += a > b ? 1 : a === b ? 0.5 : 0;
      pairs += 1;
    }
  }
  return wins / pairs;
}

const size = 400;

/** A log of one item a row, in its order: 320 rows are the training part. */
function madeLog(label: (row: number) => number, attributes: (row: number) => Attributes): InteractionLog {
  const rows = Array.from({ length: size }, (_, row) => row);
  return createLog({
    user: Int32Array.from(rows, (row) => row % 20),
    item: Int32Array.from(rows),
    rating: Float32Array.from(rows, label),
    time: Float64Array.from(rows, (row) => 1000 + row),
    label: Uint8Array.from(rows, label),
    users: {
      ids: Array.from({ length: 20 }, (_, u) => `u${u}`),
      activeCount: 20,
      attributes: Array.from({ length: 20 }, () => ({})),
    },
    items: { ids: rows.map((row) => `i${row}`), activeCount: size, attributes: rows.map(attributes) },
    history: { maxLength: 5, ties: "exclude" },
    likedThreshold: 1,
  });
}

const answer = (row: number): number => ((row * 7) % 3 === 0 ? 1 : 0);
const made = madeLog(answer, (row) => ({
  answer: answer(row) === 1 ? "paid" : "open",
  price: answer(row) === 1 ? 3.25 : 8.5,
  order: `A-${row}`,
  row,
  length: row + 0.5,
  colour: ["red", "green", "blue", "grey"][row % 4]!,
  tags: answer(row) === 1 ? ["a", "kept"] : ["a", "b"],
}));
const rows = Uint32Array.from({ length: size }, (_, row) => row);
const split: LogSplit = {
  train: rows.slice(0, 320),
  validation: rows.slice(320, 360),
  test: rows.slice(360),
};

const features: FeatureConfig[] = [
  { name: "user", type: "categorical", field: "user" },
  { name: "item", type: "categorical", field: "item" },
  { name: "answer", type: "categorical", field: "item.answer" },
  { name: "price", type: "numeric", field: "item.price", transform: "standard" },
  { name: "tags", type: "multivalued", field: "item.tags", maxLength: 3, pooling: "mean" },
  { name: "order", type: "categorical", field: "item.order" },
  { name: "row", type: "numeric", field: "item.row", transform: "log" },
  { name: "length", type: "numeric", field: "item.length", transform: "standard" },
  { name: "colour", type: "categorical", field: "item.colour" },
  { name: "past", type: "sequence", field: "history.item", maxLength: 5, pooling: "mean", shareWith: "item" },
  { name: "pause", type: "numeric", field: "time.sinceLast", transform: "log" },
  { name: "liked", type: "statistic", value: "mean", of: "label", by: "user", encoding: "both" },
];

function look(log: InteractionLog, config: readonly FeatureConfig[], parts = split): FeaturesAlone {
  return featuresAlone(fitFeatureMap(config, log, parts.train), log, parts, auc);
}

test("what is the label and what numbers the rows is warned of, and nothing else", () => {
  const warnings = featureWarnings(look(made, features));
  expect(warnings.map(({ feature }) => feature)).toEqual(["answer", "price", "tags", "order", "row"]);
  expect(warnings.map(({ message }) => /AUC of 1\.0000|100\.0 distinct/.exec(message)?.[0])).toEqual([
    "AUC of 1.0000",
    "AUC of 1.0000",
    "AUC of 1.0000",
    "100.0 distinct",
    "100.0 distinct",
  ]);
  for (const { remedy } of warnings) expect(remedy).toContain("Leave it out");
});

test("a number that falls is as good as one that rises; an id unseen in training says nothing", () => {
  const { features: alone, rows: looked, positives } = look(made, features);
  const of = (name: string): unknown => {
    const { auc: value, falls } = alone.find((feature) => feature.name === name)!;
    return { auc: value, falls };
  };
  expect(of("price")).toEqual({ auc: 1, falls: true });
  expect(of("item")).toEqual({ auc: 0.5, falls: false });
  expect(looked).toBe(40);
  expect(positives).toBe([...split.validation].filter((row) => answer(row) === 1).length);
});

test("ids rank by the shrunk share of positives of the training part", () => {
  const share = [0.2, 0.6, 0.4, 0.9];
  const label = (row: number): number => (((row * 37) % 100) / 100 < share[row % 4]! ? 1 : 0);
  const log = madeLog(label, (row) => ({ colour: `c${row % 4}` }));
  const [colour] = look(log, [{ name: "colour", type: "categorical", field: "item.colour" }]).features;
  const labels = Float32Array.from(split.validation, label);
  const mean = [...split.train].reduce((sum, row) => sum + label(row), 0) / split.train.length;
  const rates = share.map((_, c) => {
    const own = [...split.train].filter((row) => row % 4 === c);
    return (own.reduce((sum, row) => sum + label(row), 0) + 5 * mean) / (own.length + 5);
  });
  const expected = auc(
    Float32Array.from(split.validation, (row) => rates[row % 4]!),
    labels,
  );
  expect(expected).toBeGreaterThan(0.6);
  expect(colour!.auc).toBeCloseTo(expected, 12);
});

test("too few rows prove nothing, and a part of one class has no AUC", () => {
  const few = { ...split, train: rows.slice(0, 40), validation: rows.slice(320, 330) };
  expect(featureWarnings(look(made, features, few))).toEqual([]);
  const none = look(made, features, { ...split, validation: rows.slice(320, 321) });
  for (const { auc: value } of none.features) expect(value).toBeNaN();
  expect(featureWarnings(none).map(({ feature }) => feature)).toEqual(["order", "row"]);
});

test("a statistic of two columns is one group", () => {
  expect(featureGroups(fitFeatureMap(features, made, split.train)).at(-1)).toEqual({
    name: "liked",
    type: "statistic",
    columns: ["liked", "liked_bucket"],
  });
});

test("nothing in the embedded data is warned of", async () => {
  const config = movieTweetings(
    fileURLToPath(new URL("../../../../data/movietweetings-100k", import.meta.url)),
  );
  const log = await loadLog(config);
  const { train, validation, test: last } = splitLog(log, config);
  const some = validation.filter((_, i) => i % 20 === 0); // counting pairs takes the square of the rows
  const alone = look(
    log,
    [
      { name: "user", type: "categorical", field: "user" },
      { name: "item", type: "categorical", field: "item" },
      { name: "title", type: "categorical", field: "item.title" },
      { name: "year", type: "numeric", field: "item.year", transform: "standard" },
      { name: "genres", type: "multivalued", field: "item.genres", maxLength: 3, pooling: "mean" },
      { name: "past", type: "sequence", field: "history.rating", maxLength: 30, pooling: "mean" },
      { name: "pause", type: "numeric", field: "time.sinceLast", transform: "log" },
      { name: "item_mean", type: "statistic", value: "mean", by: "item" },
    ],
    { train, validation: some, test: last },
  );
  expect(featureWarnings(alone)).toEqual([]);
  const byName = Object.fromEntries(alone.features.map((feature) => [feature.name, feature]));
  expect(byName["item_mean"]!.auc).toBeGreaterThan(0.6);
  expect(byName["title"]!.valuesPerRow).toBeLessThan(0.2);
});
