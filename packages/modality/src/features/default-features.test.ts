import { describe, expect, test } from "vitest";
import { type Attributes, createLog, type InteractionLog } from "../log.ts";
import { defaultFeatures } from "./default-features.ts";
import { encodeRows } from "./encode-rows.ts";
import { fitFeatureMap } from "./fit.ts";

const size = 60;
const rows = (value: (row: number) => number): number[] =>
  Array.from({ length: size }, (_, row) => value(row));

/** A log of 10 users and 12 items. */
function logOf(
  rating: (row: number) => number,
  items: (item: number) => Attributes = () => ({}),
  users: (user: number) => Attributes = () => ({}),
): InteractionLog {
  const table = (letter: string, count: number, of: (code: number) => Attributes) => {
    const codes = Array.from({ length: count }, (_, code) => code);
    return { ids: codes.map((code) => letter + code), activeCount: count, attributes: codes.map(of) };
  };
  return createLog({
    user: Int32Array.from(rows((row) => (row * 7) % 10)),
    item: Int32Array.from(rows((row) => (row * 5) % 12)),
    rating: Float32Array.from(rows(rating)),
    time: Float64Array.from(rows((row) => row * 3600)),
    label: Uint8Array.from(rows((row) => (rating(row) >= 1 ? 1 : 0))),
    users: table("u", 10, users),
    items: table("i", 12, items),
    history: { maxLength: 50, ties: "exclude" },
    likedThreshold: 1,
  });
}
const fiveStars = (row: number): number => row % 6;
const namesOf = (log: InteractionLog): string[] => defaultFeatures(log).map(({ name }) => name);

const statistics = ["item", "user"].flatMap((by) =>
  ["mean", "liked", "count", "deviation"].map((value) => `${by}_${value}`),
);
const latest = ["item_pause", "user_pause", "item_last", "user_last", "item_recent"];

describe("the default features", () => {
  test("of four columns: the item, the history, and statistics of item and user; not the user's id", () => {
    expect(namesOf(logOf(fiveStars))).toEqual([
      "item",
      "history_items",
      "history_ratings",
      ...statistics,
      ...latest,
    ]);
  });

  test("of labels alone say nothing twice", () => {
    const log = logOf((row) => row % 2);
    expect(namesOf(log)).toEqual([
      "item",
      "history_items",
      ...statistics.filter((name) => !name.endsWith("_mean")),
      ...latest,
    ]);
    for (const feature of defaultFeatures(log))
      if (feature.type === "statistic" && feature.value !== "count" && feature.value !== "sinceLast")
        expect(feature.of, feature.name).toBe("label");
  });

  test("know the attributes that tell of more than one user or item", () => {
    const log = logOf(
      fiveStars,
      (item) => ({
        title: `Film ${item}`,
        kind: "film",
        year: 1990 + (item % 4),
        genres: [["Drama", "War"][item % 2]!, "Comedy"].slice(0, 1 + (item % 3)),
        tags: ["Books", ["Novels", "Poems"][item % 2]!],
        "price.eur": 3,
        "24/7": ["yes", "no"][item % 2]!, // a key would be 24 in stretches of 7
      }),
      (user) => ({ zip: `100${user}`, gender: "FM"[user % 2]!, income: 1000 + user * 7 }),
    );
    expect(namesOf(log)).toEqual([
      "item",
      "gender",
      "income",
      "year",
      "genre",
      "tag",
      "history_items",
      "history_ratings",
      ...statistics,
      "year_mean",
      "year_count",
      "genre_mean",
      "genre_count",
      "tag_mean",
      "tag_count",
      "taste",
      "taste_count",
      "taste_deviation",
      ...latest,
    ]);
    const features = defaultFeatures(log);
    expect(() => fitFeatureMap(features, log, [0, 1, 2])).not.toThrow();
    expect(features.find(({ name }) => name === "income")).toMatchObject({
      type: "numeric",
      field: "user.income",
    });
    expect(features).toContainEqual({ name: "tag", type: "categorical", field: "item.tags[1]" }); // [0] is always Books
    expect(features.find(({ name }) => name === "taste")).toMatchObject({ by: ["user", "item.genres"] });
  });

  test("have names of their own, whatever attributes are called", () => {
    const attributes = (code: number): Attributes => ({
      item: `${code % 2}`,
      user: `${code % 3}`,
      item_mean: `${code % 2}`,
      country: `${code % 2}`,
    });
    const names = namesOf(logOf(fiveStars, attributes, attributes));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["country", "item_country"]));
  });

  test("fit and encode, without attributes and with", () => {
    for (const items of [
      () => ({}),
      (item: number) => ({ year: 1990 + (item % 4), tags: [`${item % 2}`] }),
    ]) {
      const log = logOf(fiveStars, items);
      const train = Uint32Array.from({ length: 40 }, (_, row) => row);
      const featureMap = fitFeatureMap(defaultFeatures(log), log, train);
      const { features } = encodeRows(featureMap, log, Uint32Array.of(50));
      expect(Object.values(features).every((column) => column.every(Number.isFinite))).toBe(true);
    }
  });
});
