import type { Histories } from "@corella/bundle";
import { createCatalogue, type HistoryEvent } from "@corella/modality";
import { expect, test } from "vitest";
import { exampleCommand, exampleRequest } from "./example.ts";

const catalogue = createCatalogue([
  ["a", {}],
  ["b's", {}],
]);

function historiesOf(events: readonly HistoryEvent[]): Histories {
  return {
    users: 1,
    latest: 2,
    keepsStatistics: false,
    some: () => ["ann"],
    has: () => true,
    of: () => [...events],
    earlierOf: () => 0,
    attributesOf: () => ({}),
  };
}

test("an example's rating is one of the data", () => {
  const ofLabels = historiesOf([
    { item: "b's", rating: 0, time: 1 },
    { item: "a", rating: 1, time: 2 },
  ]);
  const example = exampleRequest({ catalogue, featureMap: undefined, context: undefined }, ofLabels);
  expect(example).toEqual({ item: "b's", history: [{ item: "a", rating: 1 }] });
  expect(exampleCommand("http://x", example)).toContain(`'{"item":"b\\u0027s","history":[`);
  // Where nobody has a past, none is made up.
  expect(exampleRequest({ catalogue, featureMap: undefined, context: undefined }, historiesOf([]))).toEqual({
    item: "a",
  });
});
