import { tinyLog } from "@corella/bundle/testing";
import { catalogueFromLog, fitFeatureMap, recordAt, recordsAt, type RatingRecord } from "@corella/modality";
import { expect, test } from "vitest";
import { featureValues, type FeatureValue } from "./feature-values.ts";

const log = tinyLog();
const catalogue = catalogueFromLog(log);
const rows = Uint32Array.from({ length: 200 }, (_, row) => row);
const featureMap = fitFeatureMap(
  [
    { name: "user", type: "categorical", field: "user" },
    { name: "country", type: "categorical", field: "user.country" },
    { name: "genres", type: "multivalued", field: "item.genres", maxLength: 3, pooling: "mean" },
    { name: "past", type: "sequence", field: "history.item", maxLength: 3, pooling: "mean" },
    { name: "year", type: "numeric", field: "item.year", transform: "standard" },
    { name: "decade", type: "numeric", field: "item.year", transform: { buckets: 3 } },
    { name: "events", type: "numeric", field: "history.length", transform: "log" },
    { name: "item_mean", type: "statistic", value: "mean", by: "item" },
  ],
  log,
  rows,
);

function valuesOf(record: RatingRecord): Record<string, Omit<FeatureValue, "name">> {
  const values = featureValues(featureMap, record, catalogue, undefined);
  expect(values.map(({ name }) => name)).toEqual(featureMap.features.map(({ name }) => name));
  return Object.fromEntries(values.map(({ name, ...rest }) => [name, rest]));
}

test("values are those of the record, numbers before and after they are scaled", () => {
  const [record] = recordsAt(log, [150], featureMap);
  const values = valuesOf(record!);
  const { user, userAttributes, itemAttributes, history, statistics } = record!;
  expect(values["user"]).toEqual({ type: "categorical", value: user });
  expect(values["country"]).toEqual({ type: "categorical", value: userAttributes!["country"] });
  expect(values["genres"]).toEqual({ type: "sequence", value: itemAttributes!["genres"] });
  expect(values["past"]).toEqual({ type: "sequence", value: history.slice(-3).map(({ item }) => item) });
  const year = itemAttributes!["year"] as number;
  expect(values["year"]).toMatchObject({ type: "numeric", value: year });
  expect(values["year"]!.input).not.toBe(year);
  expect(values["events"]!.value).toBe(history.length);
  expect(values["item_mean"]!.value).toBeCloseTo(statistics!["item_mean"]!, 4);
  const range = /^(?:(\d+) to )?below (\d+)$|^(\d+) or more$/.exec(values["decade"]!.value as string)!;
  expect(year).toBeGreaterThanOrEqual(Number(range[1] ?? range[3] ?? 0));
  expect(year).toBeLessThan(Number(range[2] ?? 9999));
});

test("what a record lacks is missing, what training has not seen is unseen", () => {
  const values = valuesOf({
    ...recordAt(log, 150),
    user: "nobody",
    userAttributes: {},
    itemAttributes: { genres: ["Drama", "Musical"] },
    history: [{ item: "none", rating: 3 }],
    statistics: {},
  });
  expect(values["user"]).toEqual({ type: "categorical", value: null, state: "unseen" });
  expect(values["country"]).toEqual({ type: "categorical", value: null, state: "missing" });
  expect(values["genres"]).toEqual({ type: "sequence", value: ["Drama", null] });
  expect(values["past"]).toEqual({ type: "sequence", value: [null] });
  expect(values["year"]).toEqual({ type: "numeric", value: null, input: 0, state: "missing" });
  expect(values["decade"]).toEqual({ type: "categorical", value: null, state: "missing" });
});
