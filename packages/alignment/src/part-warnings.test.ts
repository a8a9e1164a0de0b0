import {
  createLog,
  defaultFeatures,
  fitFeatureMap,
  promptSchema,
  type InteractionLog,
} from "@corella/modality";
import { expect, test } from "vitest";
import { partWarnings } from "./index.ts";

/** Eight rows: users 0 to 3 in training, 4 to 7 after; two items, of which the first has a title. */
function log(labels: readonly number[]): InteractionLog {
  const rows = Array.from({ length: 8 }, (_, row) => row);
  return createLog({
    user: Int32Array.from(rows),
    item: Int32Array.from(rows, (row) => row % 2),
    rating: Float32Array.from(rows, (row) => labels[row]! * 5),
    time: Float64Array.from(rows, (row) => 1.6e9 + row),
    label: Uint8Array.from(labels),
    users: { ids: rows.map((row) => `u${row}`), activeCount: 8, attributes: rows.map(() => ({})) },
    items: { ids: ["a", "b"], activeCount: 2, attributes: [{ title: "Heat" }, { year: 1999 }] },
    history: { maxLength: 5, ties: "exclude" },
    likedThreshold: 4,
  });
}

const parts = { training: Uint32Array.of(0, 1, 2, 3), test: Uint32Array.of(4, 5, 6, 7) };
const mixed = [1, 0, 1, 0, 1, 0, 0, 1];

test("a part of one class is named with its class", () => {
  const messages = (labels: readonly number[]): string[] =>
    partWarnings({ log: log(labels), parts, told: "test" }).map(({ message }) => message);
  expect(messages(mixed)).toEqual([]);
  expect(messages([1, 0, 1, 0, 0, 0, 0, 0])).toEqual([
    "All 4 samples of the test part are negative: it has no AUC.",
  ]);
  expect(messages([1, 1, 1, 1, 0, 0, 1, 0])).toEqual([
    "All 4 samples of the training part are positive: there is nothing to learn from.",
  ]);
});

test("a feature that knows no value of the part is named, and one that knows them is not", () => {
  const of = log(mixed);
  const features = ["user", "item"].map((field) => ({ name: field, type: "categorical" as const, field }));
  const featureMap = fitFeatureMap(features, of, parts.training);
  const [first, ...others] = partWarnings({ log: of, parts, told: "test", featureMap });
  expect(first!.message).toBe('Of all of the test part the feature "user" knows nothing: the users are new.');
  expect(others).toEqual([]);
  const byDefault = fitFeatureMap(defaultFeatures(of), of, parts.training);
  expect(partWarnings({ log: of, parts, told: "test", featureMap: byDefault })).toEqual([]);
});

test("items without text are told of where the prompt has no other", () => {
  const of = log(mixed);
  const look = (target?: string): string[] => {
    const prompt = promptSchema.parse(target === undefined ? {} : { target });
    return partWarnings({ log: of, parts, told: "test", prompt }).map(({ message }) => message);
  };
  expect(look()).toEqual([expect.stringMatching(/no text of the items of 50\.0 % of the test part/)]);
  expect(look("{{id}}")).toEqual([expect.stringMatching(/no text of the items of all of the test part/)]);
});
