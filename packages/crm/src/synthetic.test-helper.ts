import type { Batch } from "@corella/engine";
import { createGenerator } from "@corella/random";
import type { CrmFeature } from "./index.ts";

/** Features of all types, with a shared table and a sequence that adds another. */
export const syntheticFeatures: CrmFeature[] = [
  { name: "user", type: "categorical", vocabularySize: 9, table: "user" },
  { name: "item", type: "categorical", vocabularySize: 7, table: "item" },
  {
    name: "history",
    type: "sequence",
    vocabularySize: 7,
    maxLength: 4,
    pooling: "mean",
    table: "item",
    plus: ["ratings"],
  },
  { name: "ratings", type: "sequence", vocabularySize: 4, maxLength: 4, pooling: "mean", table: "ratings" },
  { name: "tags", type: "sequence", vocabularySize: 5, maxLength: 3, pooling: "sum", table: "tags" },
  { name: "age", type: "numeric" },
];

/** `syntheticFeatures` with the history pooled by attention to the item. */
export const attentiveFeatures: CrmFeature[] = syntheticFeatures.map((feature) =>
  feature.name === "history" ? { ...feature, pooling: "attention" } : feature,
);

/** `syntheticFeatures` with an item's text as a vector of three numbers. */
export const featuresWithText: CrmFeature[] = [
  ...syntheticFeatures,
  { name: "text", type: "vector", width: 3 },
];

/** A batch with random vectors as the input `text`. */
export function withText(batch: Batch, seed: number): Batch {
  const size = batch["user"]!.shape[0]!;
  const random = createGenerator(seed, "text");
  const data = Float32Array.from({ length: 3 * size }, () => random.normal());
  return { ...batch, text: { shape: [size, 3], data } };
}

/** Random samples; the label is the exclusive or of the parities of user and item: no single feature tells it. */
export function syntheticBatch(size: number, seed: number): Batch {
  const random = createGenerator(seed, "synthetic");
  const ids = (length: number, limit: number): Int32Array =>
    Int32Array.from({ length }, () => random.integer(limit));
  const user = ids(size, 8).map((id) => id + 1);
  const item = ids(size, 6).map((id) => id + 1);
  const history = ids(size * 4, 7);
  return {
    user: { shape: [size], data: user },
    item: { shape: [size], data: item },
    history: { shape: [size, 4], data: history },
    ratings: { shape: [size, 4], data: history.map((id) => (id === 0 ? 0 : 1 + random.integer(3))) },
    tags: { shape: [size, 3], data: ids(size * 3, 5) },
    age: { shape: [size], data: Float32Array.from({ length: size }, () => random.normal()) },
    label: { shape: [size], data: Float32Array.from(user, (id, i) => (id ^ item[i]!) & 1) },
  };
}
