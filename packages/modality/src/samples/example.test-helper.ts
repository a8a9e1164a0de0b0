import { fitFeatureMap } from "../features/fit.ts";
import { type FeatureMap, featureMapFromJson } from "../features/feature-map.ts";
import type { FeatureConfig } from "../features/config.ts";
import { createLog, type InteractionLog } from "../log.ts";

const features: FeatureConfig[] = [
  { name: "user", type: "categorical", field: "user" },
  { name: "item", type: "categorical", field: "item" },
  { name: "serial", type: "categorical", field: "user.serial" },
  { name: "label", type: "numeric", field: "item.year", transform: "standard" },
  { name: "hour", type: "numeric", field: "time.hour", transform: { buckets: 4 } },
  { name: "tags", type: "multivalued", field: "item.tags", maxLength: 3, pooling: "mean" },
  {
    name: "items",
    type: "sequence",
    field: "history.item",
    maxLength: 6,
    pooling: "mean",
    shareWith: "item",
  },
  { name: "taste", type: "statistic", value: "mean", by: ["user", "item.tags"], encoding: "both" },
  { name: "ratings", type: "sequence", field: "history.rating", maxLength: 6, pooling: "mean" },
];

/** A log of so many rows, by rules and not at random; up to 1,000 rows each has its own item. For tests. */
export function exampleLog(size: number): InteractionLog {
  const users = Array.from({ length: 100 }, (_, i) => `u${i}`);
  const items = Array.from({ length: 1000 }, (_, i) => `i${i}`);
  const column = (value: (row: number) => number): number[] =>
    Array.from({ length: size }, (_, row) => value(row));
  return createLog({
    user: Int32Array.from(column((row) => (row * 7) % 100)),
    item: Int32Array.from(column((row) => (row * 379) % 1000)),
    rating: Float32Array.from(column((row) => 1 + (row % 5))),
    time: Float64Array.from(column((row) => row * 1800)),
    label: Uint8Array.from(column((row) => (row % 5 > 2 ? 1 : 0))),
    users: { ids: users, activeCount: 100, attributes: users.map((_, i) => ({ serial: i })) },
    items: {
      ids: items,
      activeCount: 1000,
      attributes: items.map((_, i) => ({ year: 1900 + (i % 90), tags: [`t${i % 9}`, `t${i % 4}`] })),
    },
    history: { maxLength: 6, ties: "exclude" },
    likedThreshold: 4,
  });
}

/** Features of every kind, one of them called `label`; `serial` has ids of four bytes, `item` of two, others of one. */
export function exampleMap(log: InteractionLog): FeatureMap {
  const rows = Array.from({ length: log.size }, (_, row) => row);
  const json = fitFeatureMap(features, log, rows).toJson();
  const unused = Array.from({ length: 40_000 }, (_, i) => `unused ${i}`);
  const serial = [...unused, ...json.vocabularies.serial!];
  return featureMapFromJson({ ...json, vocabularies: { ...json.vocabularies, serial } });
}
