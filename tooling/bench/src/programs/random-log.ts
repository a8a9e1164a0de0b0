import { createGenerator } from "@corella/random";
import { createLog, type FeatureMap, fitFeatureMap, type InteractionLog } from "@corella/modality";

/** A log of the size of ML-1M with its attributes, at random. */
export function randomLog(size: number, users: number, items: number): InteractionLog {
  const random = createGenerator(1, "log");
  const below = (bound: number): Int32Array => Int32Array.from({ length: size }, () => random.integer(bound));
  const names = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  return createLog({
    user: below(users),
    item: below(items),
    rating: Float32Array.from(below(5), (rating) => rating + 1),
    time: Float64Array.from({ length: size }, (_, row) => row),
    label: Uint8Array.from(below(2)),
    users: {
      ids: names("u", users),
      activeCount: users,
      attributes: names("u", users).map((_, i) => ({ gender: `g${i % 2}`, age: i % 7, job: i % 21 })),
    },
    items: {
      ids: names("i", items),
      activeCount: items,
      attributes: names("i", items).map((_, i) => ({ genre: `g${i % 18}` })),
    },
    history: { maxLength: 30, ties: "exclude" },
    likedThreshold: 4,
  });
}

/** Six fields, and the items and ratings of the last 30 events. */
export function trainingMap(log: InteractionLog, rows: Uint32Array): FeatureMap {
  const history = { type: "sequence", maxLength: 30, pooling: "mean" } as const;
  return fitFeatureMap(
    [
      { name: "user", type: "categorical", field: "user" },
      { name: "gender", type: "categorical", field: "user.gender" },
      { name: "age", type: "categorical", field: "user.age" },
      { name: "job", type: "categorical", field: "user.job" },
      { name: "item", type: "categorical", field: "item" },
      { name: "genre", type: "categorical", field: "item.genre" },
      { name: "items", field: "history.item", shareWith: "item", ...history },
      { name: "ratings", field: "history.rating", ...history },
    ],
    log,
    rows,
  );
}
