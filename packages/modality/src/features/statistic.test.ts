import { parseSafetensors, serializeSafetensors } from "@corella/safetensors";
import { describe, expect, test } from "vitest";
import { createLog } from "../log.ts";
import { recordAt } from "../record.ts";
import type { StatisticConfig } from "../statistics/config.ts";
import { statisticsByRow } from "../statistics/columns.test-helper.ts";
import { planStatistics } from "../statistics/plan.ts";
import { statisticsAtEnd } from "../statistics/running-statistics.ts";
import { statisticsFromFiles, statisticsToFiles } from "../statistics/statistics-files.ts";
import { encodeRecords } from "./encode-records.ts";
import { encodeRows } from "./encode-rows.ts";
import { fitFeatureMap } from "./fit.ts";
import { recordsAt } from "./statistic.ts";

const means = { rating: 2.5, label: 0.4 };

describe("statistics as features", () => {
  // Item a: 5 and 3 by two users, then asked for; item b and a third user have nothing before.
  const log = createLog({
    user: Int32Array.of(0, 1, 2, 2),
    item: Int32Array.of(0, 0, 0, 1),
    rating: Float32Array.of(5, 3, 4, 4),
    time: Float64Array.of(0, 10, 20, 30),
    label: Uint8Array.of(1, 0, 1, 1),
    users: { ids: ["u", "v", "w"], activeCount: 3, attributes: [{}, {}, {}] },
    items: { ids: ["a", "b"], activeCount: 2, attributes: [{ genres: ["War"] }, {}] },
    history: { maxLength: 3, ties: "exclude" },
    likedThreshold: 4,
  });
  const mean: StatisticConfig = {
    name: "m",
    type: "statistic",
    value: "mean",
    by: "item",
    encoding: "both",
    prior: 1,
    buckets: 2,
  };

  test("of a small log, by hand", () => {
    const featureMap = fitFeatureMap([mean], log, [0, 1]);
    // The mean of training is 4. Rows see (), (5), (5 3), (): shrunk by one event of 4: 4, 4.5, 4, 4.
    expect(featureMap.toJson().statisticMeans).toEqual({ rating: 4, label: 0.5 });
    expect(statisticsByRow(featureMap.statistics!, log)[0]).toEqual(
      Float32Array.of(Number.NaN, 4.5, 4, Number.NaN),
    );
    // Training numbers 4 and 4.5: mean 4.25, deviation .25. Buckets: of 4.5 alone, so there is no boundary; 1: nothing before.
    expect(encodeRows(featureMap, log, [0, 1, 2, 3]).features).toEqual({
      m: Float32Array.of(-1, 1, -1, -1),
      m_bucket: Int32Array.of(1, 2, 2, 1),
    });
    expect(featureMap.features).toEqual([
      { name: "m", type: "numeric", vocabularySize: 0, table: "" },
      { name: "m_bucket", type: "categorical", vocabularySize: 3, table: "m_bucket" },
    ]);
  });

  test("takes strangers and samples without a time", () => {
    const pause: StatisticConfig = { name: "pause", type: "statistic", value: "sinceLast", by: "item" };
    const count: StatisticConfig = { name: "count", type: "statistic", value: "count", by: "user" };
    const featureMap = fitFeatureMap([mean, pause, count], log, [0, 1, 2, 3]);
    const server = statisticsAtEnd(featureMap.statistics!, log);
    const nobody = { user: null, item: "new", history: [] };
    expect([...server.valuesOf(nobody)]).toEqual([Number.NaN, Number.NaN, 0]);
    expect([...server.valuesOf({ user: "w", item: "a" })]).toEqual([
      4,
      Number.NaN,
      Math.fround(Math.log1p(2)),
    ]);
    expect(server.valuesOf({ user: "w", item: "a", time: 21 })[1]).toBe(Math.fround(Math.log1p(1)));
    expect(server.valuesOf({ user: "w", item: "a", time: 5 })[1]).toBe(0); // the past is not gone back to
    expect(encodeRecords(featureMap, [nobody], undefined, server).features.m_bucket).toEqual(
      Int32Array.of(1),
    );
    server.observe({ user: null, item: "new", rating: 1, label: 0, time: 25 });
    expect(server.valuesOf({ user: null, item: "new", time: 26 })[1]).toBe(Math.fround(Math.log1p(1)));
  });

  test("asks the record before the state, and needs one of them", () => {
    const featureMap = fitFeatureMap([mean], log, [0, 1]);
    const [record] = recordsAt(log, [1], featureMap);
    expect(record!.statistics).toEqual({ m: 4.5 });
    const end = statisticsAtEnd(featureMap.statistics!, log);
    expect(encodeRecords(featureMap, [record!], undefined, end).features.m).toEqual(Float32Array.of(1));
    expect(() => encodeRecords(featureMap, [recordAt(log, 1)])).toThrow(
      expect.objectContaining({ code: "features/no-statistics", remedy: expect.any(String) }),
    );
  });

  test.each<[string, string, Partial<StatisticConfig>]>([
    ["a key of nothing", "features/bad-key", { by: "history.item" }],
    ["an unknown attribute", "features/unknown-attribute", { by: ["user", "item.gnre"] }],
    ["a stretch of width 0", "features/unknown-attribute", { by: "item.genres/0" }],
    ["a stretch of text", "features/bad-key", { by: "item.genres/10" }],
    ["a second column of another's name", "features/duplicate-name", { name: "other", encoding: "both" }],
    ["a count of something", "config/invalid", { value: "count", of: "label", prior: undefined }],
    ["an ageing pause", "config/invalid", { value: "sinceLast", prior: undefined, halfLife: "3d" }],
    ["a half-life of nothing", "config/invalid", { halfLife: "0d" }],
    ["buckets of a number", "config/invalid", { encoding: "number" }],
  ])("%s is told", (_, code, change) => {
    const taken = { ...mean, name: "other_bucket" };
    expect(() => fitFeatureMap([taken, { ...mean, ...change }], log, [0])).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test("files of other statistics are refused", () => {
    const plan = planStatistics([{ ...mean, by: ["user", "item"] }], means);
    const files = statisticsToFiles(statisticsAtEnd(plan, log));
    const { tensors } = parseSafetensors(serializeSafetensors(files.tensors));
    const other = planStatistics([mean], means);
    expect(() => statisticsFromFiles(other, { json: files.json, tensors }, "here")).toThrow(
      expect.objectContaining({ code: "features/bad-statistics", place: "here" }),
    );
  });
});
