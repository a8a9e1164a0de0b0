import { CorellaError } from "@corella/errors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogueFromLog } from "../catalogue.ts";
import { createLog, type InteractionLog } from "../log.ts";
import { randomLog } from "../random-log.test-helper.ts";
import { statisticsOfEveryKind } from "../statistics/every-kind.test-helper.ts";
import type { FeatureConfig, FieldFeatureConfig } from "./config.ts";
import { encodeRecords } from "./encode-records.ts";
import { encodeRows } from "./encode-rows.ts";
import { featureMapFromJson } from "./feature-map.ts";
import { fitFeatureMap } from "./fit.ts";
import { recordsAt } from "./statistic.ts";

const every: FieldFeatureConfig[] = [
  { name: "user", type: "categorical", field: "user" },
  { name: "item", type: "categorical", field: "item", minCount: 2 },
  { name: "gender", type: "categorical", field: "user.gender" },
  { name: "year", type: "categorical", field: "item.year" },
  { name: "genre", type: "categorical", field: "item.genres[1]" },
  { name: "weekday", type: "categorical", field: "time.weekday" },
  {
    name: "items",
    type: "sequence",
    field: "history.item",
    maxLength: 4,
    pooling: "mean",
    shareWith: "item",
  },
  { name: "ratings", type: "sequence", field: "history.rating", maxLength: 12, pooling: "sum", minCount: 2 },
  {
    name: "liked",
    type: "sequence",
    field: "history.item.genres[0]",
    maxLength: 3,
    pooling: "mean",
    where: "liked",
  },
  {
    name: "disliked",
    type: "sequence",
    field: "history.item",
    maxLength: 9,
    pooling: "attention",
    where: "disliked",
    target: "item",
  },
  {
    name: "genres",
    type: "multivalued",
    field: "item.genres",
    maxLength: 2,
    pooling: "mean",
    shareWith: "genre",
  },
  { name: "age", type: "numeric", field: "user.age", transform: "standard" },
  { name: "logYear", type: "numeric", field: "item.year", transform: "log" },
  { name: "length", type: "numeric", field: "history.length", transform: { buckets: 3 } },
  { name: "hour", type: "numeric", field: "time.hour", transform: { buckets: 4 } },
  { name: "pause", type: "numeric", field: "time.sinceLast", transform: "log" },
];

describe("encoding", () => {
  test("gives the same ids from rows and from records, for every kind of feature", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        const half = log.size >> 1;
        const fitted = fitFeatureMap(
          [...every, ...statisticsOfEveryKind],
          log,
          Array.from({ length: half }, (_, row) => row),
        );
        const featureMap = featureMapFromJson(JSON.parse(JSON.stringify(fitted.toJson())));
        const rows = Array.from({ length: log.size }, (_, row) => row);
        const { labels: _, ...offline } = encodeRows(featureMap, log, rows);
        const records = recordsAt(log, rows, featureMap);
        expect(
          records.every(({ history }) => history.every(({ rating }) => String(rating).length <= 3)),
        ).toBe(true);
        expect(encodeRecords(featureMap, records, catalogueFromLog(log))).toEqual(offline);
        for (const feature of featureMap.features) {
          const ids = offline.features[feature.name]!;
          if (feature.type !== "numeric") expect(Math.max(...ids)).toBeLessThan(feature.vocabularySize);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("of a small log, by hand", () => {
    const log = handLog();
    const featureMap = fitFeatureMap(
      [
        { name: "item", type: "categorical", field: "item" },
        {
          name: "items",
          type: "sequence",
          field: "history.item",
          maxLength: 3,
          pooling: "mean",
          shareWith: "item",
        },
        { name: "ratings", type: "sequence", field: "history.rating", maxLength: 2, pooling: "mean" },
        {
          name: "liked",
          type: "sequence",
          field: "history.item",
          maxLength: 2,
          pooling: "mean",
          shareWith: "item",
          where: "liked",
        },
        { name: "year", type: "numeric", field: "item.year", transform: "standard" },
        { name: "pause", type: "numeric", field: "time.sinceLast", transform: "log" },
      ],
      log,
      [0, 1, 2, 3],
    );
    // Items of the rows: a b a b | c. Counts in training: a 2, b 2; ties by value; c is unknown.
    expect(featureMap.toJson().vocabularies.item).toEqual(["a", "b"]);
    // Histories of the training rows hold ratings (), (5), (5 2), (5 2 5): 5 four times, 2 twice.
    expect(featureMap.toJson().vocabularies.ratings).toEqual(["5", "2"]);
    // Years 2000 and 2010, twice each: mean 2005, deviation 5.
    expect(encodeRows(featureMap, log, [0, 1, 4])).toEqual({
      size: 3,
      features: {
        item: Int32Array.of(2, 3, 1),
        items: Int32Array.of(0, 0, 0, 2, 0, 0, 3, 2, 3),
        ratings: Int32Array.of(0, 0, 2, 0, 2, 3),
        liked: Int32Array.of(0, 0, 2, 0, 2, 0),
        year: Float32Array.of(-1, 1, 0),
        pause: Float32Array.of(0, Math.log(2), Math.log(2)), // none; one second: ln(1 + 1)
      },
      labels: Float32Array.of(1, 0, 1),
    });
  });

  test("takes strangers: no user, unknown item, no history, no catalogue", () => {
    const featureMap = fitFeatureMap(every, everything(), [0, 1, 2, 3]);
    const batch = encodeRecords(featureMap, [
      { user: null, item: "new", history: [{ item: "newer", rating: 9 }] },
    ]);
    expect(batch.features.user).toEqual(Int32Array.of(1));
    expect(batch.features.item).toEqual(Int32Array.of(1));
    expect(batch.features.items).toEqual(Int32Array.of(1, 0, 0, 0));
    expect(batch.features.genres).toEqual(Int32Array.of(0, 0));
    expect(batch.features.age).toEqual(Float32Array.of(0));
  });

  test("learns nothing from rows outside of training", () => {
    const log = handLog();
    const changed = createLog({
      ...log,
      item: Int32Array.of(0, 1, 0, 1, 0),
      rating: Float32Array.of(5, 2, 5, 2, 1),
    });
    const config: FeatureConfig[] = [
      ...every.filter(({ field }) => !/gender|age|genres/.test(field)),
      { name: "item_mean", type: "statistic", value: "mean", by: "item", encoding: "both" },
    ];
    const json = (of: InteractionLog): string =>
      JSON.stringify(fitFeatureMap(config, of, [0, 1, 2, 3]).toJson());
    expect(json(changed)).toBe(json(log));
  });
});

describe("a mistaken feature", () => {
  const item: FeatureConfig = { name: "item", type: "categorical", field: "item" };
  const history: FeatureConfig = {
    name: "history",
    type: "sequence",
    field: "history.item",
    maxLength: 5,
    pooling: "mean",
  };
  test.each<[string, string, FeatureConfig[]]>([
    ["unknown field", "features/bad-field", [{ ...item, field: "itme" }]],
    ["history in a categorical", "features/bad-field", [{ ...item, field: "history.item" }]],
    ["unknown attribute", "features/unknown-attribute", [{ ...item, field: "item.yaer" }]],
    ["list as scalar", "features/bad-field", [{ ...item, field: "item.genres" }]],
    ["pause as category", "features/bad-field", [{ ...item, field: "time.sinceLast" }]],
    ["length as category", "features/bad-field", [{ ...item, field: "history.length" }]],
    ["id as number", "features/bad-field", [{ name: "n", type: "numeric", field: "item", transform: "log" }]],
    ["duplicate name", "features/duplicate-name", [item, item]],
    ["share with nothing", "features/bad-share", [{ ...item, shareWith: "itm" }]],
    ["share with itself", "features/bad-share", [{ ...item, shareWith: "item" }]],
    ["plus nothing", "features/bad-plus", [{ ...history, plus: ["rating"] }]],
    ["plus itself", "features/bad-plus", [{ ...history, plus: ["history"] }]],
    [
      "plus other events",
      "features/bad-plus",
      [
        { ...history, plus: ["few"] },
        { ...history, name: "few", where: "liked" },
      ],
    ],
    ["plus an item", "features/bad-plus", [item, { ...history, plus: ["item"] }]],
    ["attention without target", "features/bad-target", [{ ...history, pooling: "attention" }]],
    [
      "attention to nothing",
      "features/bad-target",
      [item, { ...history, pooling: "attention", target: "itm" }],
    ],
    [
      "attention to a sequence",
      "features/bad-target",
      [{ ...history, pooling: "attention", target: "history" }],
    ],
    ["target of a mean", "features/bad-target", [item, { ...history, target: "item" }]],
  ])("%s is told with its place", (_, code, config) => {
    const fit = (): unknown => fitFeatureMap(config, everything(), [0]);
    expect(fit).toThrow(CorellaError);
    expect(fit).toThrow(
      expect.objectContaining({
        code,
        place: expect.stringMatching(/^features\./),
        remedy: expect.any(String),
      }),
    );
  });
});

test("tells the CRM what a sequence adds and attends to", () => {
  const events = { type: "sequence", maxLength: 5, pooling: "attention" } as const;
  const featureMap = fitFeatureMap(
    [
      { name: "item", type: "categorical", field: "item" },
      { name: "year", type: "categorical", field: "item.year" },
      { ...events, name: "ratings", field: "history.rating", pooling: "mean" },
      { ...events, name: "items", field: "history.item", shareWith: "item", plus: ["ratings"] },
      { ...events, name: "years", field: "history.item.year", target: "year" },
    ],
    handLog(),
    [0, 1, 2, 3],
  );
  const restored = featureMapFromJson(JSON.parse(JSON.stringify(featureMap.toJson())));
  for (const { features } of [featureMap, restored]) {
    expect(features.slice(2)).toEqual([
      {
        name: "ratings",
        type: "sequence",
        vocabularySize: 4,
        table: "ratings",
        maxLength: 5,
        pooling: "mean",
      },
      {
        name: "items",
        type: "sequence",
        vocabularySize: 4,
        table: "item",
        maxLength: 5,
        pooling: "attention",
        plus: ["ratings"],
      },
      {
        name: "years",
        type: "sequence",
        vocabularySize: 4,
        table: "years",
        maxLength: 5,
        pooling: "attention",
        target: "year",
      },
    ]);
  }
});

test("a feature map that is no longer whole is refused with its place", () => {
  const json = fitFeatureMap(every, everything(), [0]).toJson();
  const load =
    (change: object): (() => unknown) =>
    () =>
      featureMapFromJson({ ...json, ...change });
  expect(load({ version: 2 })).toThrow(
    expect.objectContaining({ code: "config/invalid", place: "featureMap.version" }),
  );
  expect(load({ vocabularies: {} })).toThrow(expect.objectContaining({ code: "features/incomplete-map" }));
  expect(load({ transforms: {} })).toThrow(expect.objectContaining({ code: "features/incomplete-map" }));
});

function handLog(): InteractionLog {
  return createLog({
    user: Int32Array.of(0, 0, 0, 0, 0),
    item: Int32Array.of(0, 1, 0, 1, 2),
    rating: Float32Array.of(5, 2, 5, 2, 5),
    time: Float64Array.of(1, 2, 3, 4, 5),
    label: Uint8Array.of(1, 0, 1, 0, 1),
    users: { ids: ["u"], activeCount: 1, attributes: [{}] },
    items: { ids: ["a", "b", "c"], activeCount: 3, attributes: [{ year: 2000 }, { year: 2010 }, {}] },
    history: { maxLength: 3, ties: "exclude" },
    likedThreshold: 4,
  });
}

function everything(): InteractionLog {
  const log = handLog();
  return createLog({
    ...log,
    users: { ids: ["u"], activeCount: 1, attributes: [{ gender: "F", age: 30 }] },
    items: {
      ...log.items,
      attributes: log.items.attributes.map((row) => ({ ...row, genres: ["War", "Noir"] })),
    },
  });
}
