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
import { missingInputs } from "./record-values.ts";
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

const ofContext: FieldFeatureConfig[] = [
  { name: "device", type: "categorical", field: "context.device" },
  { name: "device_alone", type: "categorical", field: "device" },
  { name: "price", type: "numeric", field: "price", transform: "log" },
  { name: "price_id", type: "categorical", field: "price" },
  { name: "price_bucket", type: "numeric", field: "context.price", transform: { buckets: 2 } },
  { name: "tags", type: "multivalued", field: "tags", maxLength: 2, pooling: "mean" },
  { name: "tag", type: "categorical", field: "tags[1]" },
];

/** No sequence of more events than the log's window has. */
function withinWindow(features: FieldFeatureConfig[], { history }: InteractionLog): FieldFeatureConfig[] {
  return features.map((feature) =>
    feature.type === "sequence"
      ? { ...feature, maxLength: Math.min(feature.maxLength, history.maxLength) }
      : feature,
  );
}

describe("encoding", () => {
  test("gives the same ids from rows and from records, for every kind of feature", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        const half = log.size >> 1;
        const fitted = fitFeatureMap(
          [...withinWindow(every, log), ...ofContext, ...statisticsOfEveryKind],
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
      { numRuns: 150 },
    );
  });

  test("of a small log, by hand", () => {
    const log = handLog(3);
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
        pause: Float32Array.of(Math.log(2), Math.log(2), Math.log(2)), // none: the mean; one second: ln(1 + 1)
        pause_missing: Float32Array.of(1, 0, 0),
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

describe("a missing number", () => {
  const numbers = (transform: "standard" | "log"): FeatureConfig[] => [
    { name: "year", type: "numeric", field: "item.year", transform },
    { name: "pause", type: "numeric", field: "time.sinceLast", transform },
  ];

  test("is the mean of the others and has a mark of its own, in rows and in records", () => {
    const log = handLog();
    // Of item c no year is known, and the first row has no event before.
    const map = fitFeatureMap(numbers("log"), log, [0, 1, 4]);
    const mean = (Math.log1p(2000) + Math.log1p(2010)) / 2;
    const { labels: _, ...offline } = encodeRows(map, log, [0, 1, 4]);
    expect(offline.features).toEqual({
      year: Float32Array.of(Math.log1p(2000), Math.log1p(2010), mean),
      year_missing: Float32Array.of(0, 0, 1),
      pause: Float32Array.of(Math.log(2), Math.log(2), Math.log(2)),
      pause_missing: Float32Array.of(1, 0, 0),
    });
    expect(map.features.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "year numeric",
      "year_missing numeric",
      "pause numeric",
      "pause_missing numeric",
    ]);
    const records = recordsAt(log, [0, 1, 4], map);
    expect(encodeRecords(map, records, catalogueFromLog(log))).toEqual(offline);
    // The same event a second after itself is another input than one whose time is not told.
    const history = [{ item: "a", rating: 5, time: 1 }];
    const ofPause = (time?: number): number[] => {
      const { features } = encodeRecords(map, [{ user: "u", item: "b", history, time }]);
      return [features.pause![0]!, features.pause_missing![0]!];
    };
    expect(ofPause(1)).toEqual([0, 0]);
    expect(ofPause()).toEqual([Math.fround(Math.log(2)), 1]);
  });

  test("has a mark under standard too, and none where training has no missing one", () => {
    const log = handLog();
    const names = (transform: "standard" | "log", rows: number[]): string[] =>
      fitFeatureMap(numbers(transform), log, rows).features.map(({ name }) => name);
    expect(names("standard", [0, 1, 4])).toEqual(["year", "year_missing", "pause", "pause_missing"]);
    expect(names("log", [1, 2])).toEqual(["year", "pause"]);
    const taken: FeatureConfig = { name: "year_missing", type: "categorical", field: "item" };
    expect(() => fitFeatureMap([...numbers("log"), taken], log, [0, 1, 4])).toThrow(
      expect.objectContaining({ code: "features/duplicate-name", place: "features.year_missing" }),
    );
  });

  test("is 0 in maps that were fitted before, as their models learned it", () => {
    const log = handLog();
    const json = fitFeatureMap(numbers("log"), log, [0, 1, 4]).toJson();
    const before = featureMapFromJson({
      ...json,
      historyTies: undefined,
      transforms: { year: { kind: "log" }, pause: { kind: "log" } },
    });
    expect(encodeRows(before, log, [0, 4]).features).toEqual({
      year: Float32Array.of(Math.log1p(2000), 0),
      pause: Float32Array.of(0, Math.log(2)),
    });
  });

  test("and every other value that a record lacks is named", () => {
    const log = everything();
    const map = fitFeatureMap(every, log, [0, 1, 2, 3]);
    const catalogue = catalogueFromLog(log);
    const history = [{ item: "a", rating: 5, time: 1 }];
    const known = { user: "u", item: "a", history, time: 2, userAttributes: { gender: "F", age: 3 } };
    expect(missingInputs(map, catalogue)(known)).toEqual([]);
    expect(missingInputs(map, catalogue)({ ...known, time: undefined })).toEqual([
      "weekday",
      "hour",
      "pause",
    ]);
    // A user without a name is nobody that could be known; a user or item that training has not seen is not missing.
    expect(missingInputs(map, catalogue)({ ...known, user: null, history: [] })).toEqual(["user", "pause"]);
    expect(missingInputs(map)({ ...known, user: "new", item: "new" })).toEqual([
      "year",
      "genre",
      "genres",
      "logYear",
    ]);
  });
});

describe("context of the interaction", () => {
  const withContext = (): InteractionLog =>
    createLog({
      ...handLog(),
      context: [{ name: "device", codes: Int32Array.of(1, 2, 1, 0, 2), values: [undefined, "phone", "tv"] }],
    });
  const device: FeatureConfig = { name: "device", type: "categorical", field: "device" };

  test("is a feature, comes with a record and is told where it is missing", () => {
    const log = withContext();
    const map = fitFeatureMap([device], log, [0, 1, 2, 3]);
    // phone twice, tv once, none once.
    expect(encodeRows(map, log, [0, 1, 2, 3, 4]).features).toEqual({ device: Int32Array.of(2, 3, 2, 1, 3) });
    const records = recordsAt(log, [0, 3], map);
    expect(records.map(({ context }) => context)).toEqual([{ device: "phone" }, {}]);
    expect(records.map(missingInputs(map))).toEqual([[], ["device"]]);
  });

  test("moves with its rows, and rows that are the same in all else follow it", () => {
    const columns = withContext();
    const order = [4, 2, 0, 3, 1];
    const pick = <T extends Int32Array | Float32Array | Float64Array | Uint8Array>(column: T): T =>
      (column as Int32Array).map((_, i) => column[order[i]!]!) as T;
    const shuffled = createLog({
      ...columns,
      user: pick(columns.user),
      item: pick(columns.item),
      rating: pick(columns.rating),
      time: pick(columns.time),
      label: pick(columns.label),
      context: columns.context!.map((column) => ({ ...column, codes: pick(column.codes) })),
    });
    expect(shuffled).toEqual(columns);
    const same = (codes: number[]): InteractionLog =>
      createLog({
        ...handLog(),
        item: new Int32Array(5),
        rating: new Float32Array(5).fill(5),
        time: new Float64Array(5),
        label: new Uint8Array(5),
        context: [{ name: "n", codes: Int32Array.from(codes), values: [undefined, 1, 2] }],
      });
    expect(same([2, 0, 1, 2, 0])).toEqual(same([0, 0, 1, 2, 2]));
  });

  test("that the log has not is told, with what it has", () => {
    const fit = (field: string): (() => unknown) => {
      return () => fitFeatureMap([{ ...device, field }], withContext(), [0]);
    };
    expect(fit("divice")).toThrow(
      expect.objectContaining({ code: "features/bad-field", remedy: 'Did you mean "device"?' }),
    );
    expect(fit("context.colour")).toThrow(expect.objectContaining({ code: "features/bad-field" }));
    expect(() =>
      fitFeatureMap([{ name: "n", type: "statistic", value: "count", by: "colour" }], withContext(), [0]),
    ).toThrow(expect.objectContaining({ code: "features/bad-field", place: "features.n.by" }));
  });
});

describe("histories of another window", () => {
  const sequence: FeatureConfig = {
    name: "past",
    type: "sequence",
    field: "history.item",
    maxLength: 4,
    pooling: "mean",
  };

  test("are refused from rows and from records, a longer one is cut", () => {
    const map = fitFeatureMap([sequence], handLog(4), [0, 1, 2, 3]);
    const short = expect.objectContaining({ code: "features/short-window", place: "data.history.maxLength" });
    expect(() => encodeRows(map, handLog(3), [4])).toThrow(short);
    expect(() => recordsAt(handLog(3), [4], map)).toThrow(short);
    const other = createLog({ ...handLog(4), history: { maxLength: 4, ties: "order" } });
    const ties = expect.objectContaining({ code: "features/other-ties", place: "data.history.ties" });
    expect(() => encodeRows(map, other, [4])).toThrow(ties);
    expect(() => recordsAt(other, [4], map)).toThrow(ties);
    expect(recordsAt(handLog(9), [4], map)).toEqual(recordsAt(handLog(4), [4], map));
  });

  test("a feature that looks further back than the window is an error", () => {
    const fit = (): unknown => fitFeatureMap([{ ...sequence, maxLength: 13 }], handLog(12), [0]);
    expect(fit).toThrow(
      expect.objectContaining({ code: "features/short-window", place: "features.past.maxLength" }),
    );
    expect(() => fitFeatureMap([{ ...sequence, maxLength: 12 }], handLog(12), [0])).not.toThrow();
  });
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

function handLog(maxLength = 12): InteractionLog {
  return createLog({
    user: Int32Array.of(0, 0, 0, 0, 0),
    item: Int32Array.of(0, 1, 0, 1, 2),
    rating: Float32Array.of(5, 2, 5, 2, 5),
    time: Float64Array.of(1, 2, 3, 4, 5),
    label: Uint8Array.of(1, 0, 1, 0, 1),
    users: { ids: ["u"], activeCount: 1, attributes: [{}] },
    items: { ids: ["a", "b", "c"], activeCount: 3, attributes: [{ year: 2000 }, { year: 2010 }, {}] },
    history: { maxLength, ties: "exclude" },
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
