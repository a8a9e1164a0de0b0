import { parseSafetensors, serializeSafetensors } from "@corella/safetensors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogueFromLog } from "../catalogue.ts";
import { encodeRecords } from "../features/encode-records.ts";
import { fitFeatureMap } from "../features/fit.ts";
import { createLog, type InteractionLog } from "../log.ts";
import { randomLog } from "../random-log.test-helper.ts";
import { recordAt } from "../record.ts";
import { keyTexts, type StatisticConfig } from "./config.ts";
import { statisticsOfEveryKind } from "./every-kind.test-helper.ts";
import type { OwnEvent } from "./own-events.ts";
import { planStatistics } from "./plan.ts";
import {
  emptyStatistics,
  type ObservedEvent,
  type RunningStatistics,
  statisticsAtEnd,
} from "./running-statistics.ts";
import { statisticsFromFiles, statisticsToFiles } from "./statistics-files.ts";

const plan = planStatistics(statisticsOfEveryKind, { rating: 2.5, label: 0.4 });
const byUser = statisticsOfEveryKind.map((config) => keyTexts(config).includes("user"));

function eventAt(log: InteractionLog, row: number): ObservedEvent {
  const { user, item, userAttributes, context } = recordAt(log, row, 0);
  const [rating, label, time] = [log.rating[row]!, log.label[row]!, log.time[row]!];
  return { user, item, userAttributes, context, rating, label, time };
}

function fed(log: InteractionLog, rows: readonly number[], of = plan): RunningStatistics {
  const server = emptyStatistics(of, log.history.ties);
  for (const row of rows) server.observe(eventAt(log, row), catalogueFromLog(log));
  return server;
}

/** A log, a user who asks about an item after all events, and whose events after a time were not observed. */
const asked = fc.record({
  log: randomLog(),
  user: fc.integer({ min: 0, max: 3 }),
  item: fc.integer({ min: 0, max: 5 }),
  until: fc.integer({ min: -1, max: 12 }).map((step) => step * 7200),
  later: fc.integer({ min: 0, max: 2 }).map((step) => step * 7200),
});

describe("a server that lacks the latest events of the user who asks", () => {
  test.each(["nobody's", "all others'"])(
    "and has %s: the user's statistics are those of a server that was fed them, everybody's stay",
    (whose) => {
      fc.assert(
        fc.property(asked, ({ log, user, item, until, later }) => {
          const catalogue = catalogueFromLog(log);
          const rows = [...log.time.keys()];
          const own = rows.filter((row) => log.user[row] === user);
          const missing = own.filter((row) => log.time[row]! > until);
          const others = rows.filter((row) => log.user[row] !== user && log.time[row]! > until);
          const withheld = whose === "nobody's" ? [...missing, ...others] : missing;
          const known = rows.filter((row) => !withheld.includes(row));
          const sample = {
            ...recordAt(log, own[0] ?? 0, 0),
            user: log.users.ids[user]!,
            userAttributes: log.users.attributes[user]!,
            item: log.items.ids[item]!,
            itemAttributes: undefined,
            time: log.time.at(-1)! + later,
          };
          const server = fed(log, known);
          const before = server.valuesOf(sample, catalogue);
          const counted = statisticsToFiles(fed(log, known));
          const files = JSON.stringify(counted);
          // Whatever waits for a later time is counted where the sample is later, as there.
          const tensors = parseSafetensors(serializeSafetensors(counted.tensors)).tensors;
          const other = known.some((row) => log.time[row] === sample.time)
            ? fed(log, known)
            : statisticsFromFiles(plan, { json: counted.json, tensors }, "files");
          const history = own.map((row): OwnEvent => eventAt(log, row));
          const answer = server.valuesOf(sample, catalogue, history);

          for (const row of missing) other.observe(eventAt(log, row), catalogue);
          const expected = other
            .valuesOf(sample, catalogue)
            .map((value, s) => (byUser[s] ? value : before[s]!));
          expect(answer).toEqual(expected);
          expect(server.valuesOf(sample, catalogue)).toEqual(before);
          expect(JSON.stringify(statisticsToFiles(server))).toBe(files);
        }),
        { numRuns: 150 },
      );
    },
  );
});

const features: StatisticConfig[] = [
  { name: "count", type: "statistic", value: "count", by: "user" },
  { name: "share", type: "statistic", value: "mean", of: "label", by: ["user", "item.genres"], prior: 0 },
  { name: "pause", type: "statistic", value: "sinceLast", by: "user" },
  { name: "item_count", type: "statistic", value: "count", by: "item" },
];
const small = createLog({
  user: Int32Array.of(0, 0, 1),
  item: Int32Array.of(0, 1, 1),
  rating: Float32Array.of(5, 1, 4),
  time: Float64Array.of(100, 200, 300),
  label: Uint8Array.of(1, 0, 1),
  users: { ids: ["ann", "bob"], activeCount: 2, attributes: [{}, {}] },
  items: { ids: ["a", "b"], activeCount: 2, attributes: [{ genres: ["war"] }, { genres: ["noir", "war"] }] },
  history: { maxLength: 5, ties: "exclude" },
  likedThreshold: 4,
});
const featureMap = fitFeatureMap(features, small, [0, 1, 2]);
const { statistics: smallPlan } = featureMap;
const server = fed(small, [0, 1, 2], smallPlan);
const valuesOf = (user: string | null, history: readonly OwnEvent[], time?: number): number[] => [
  ...server.valuesOf({ user, item: "a", time }, catalogueFromLog(small), history),
];
const like = (time?: number): OwnEvent => ({ item: "b", rating: 5, label: 1, time });
const one = Math.fround(Math.log(2));
const log1p = (x: number): number => Math.fround(Math.log1p(x));

describe("the events of a request", () => {
  test("that were observed are not counted again, nor those at or after the sample", () => {
    expect(valuesOf("ann", [like(100), like(200)], 400)).toEqual(valuesOf("ann", [], 400));
    expect(valuesOf("ann", [like(400), like(500)], 400)).toEqual(valuesOf("ann", [], 400));
    expect(valuesOf("ann", [like(200), like(350)], 400)[0]).toBe(log1p(3));
  });

  test("without a time count only for a user of whom nothing was observed, and tell no pause", () => {
    expect(valuesOf("ann", [like()], 400)).toEqual(valuesOf("ann", [], 400));
    for (const user of ["new", null])
      expect(valuesOf(user, [like()], 400)).toEqual([one, 1, Number.NaN, one]);
    expect(valuesOf(null, [like(390)], 400)).toEqual([one, 1, log1p(10), one]);
    expect(valuesOf(null, [], 400)).toEqual([0, Number.NaN, Number.NaN, one]);
  });

  test("count for a user who is known and has no event, also where pairs alone name the user", () => {
    const pairs = planStatistics(
      [{ name: "taste", type: "statistic", value: "count", by: ["item.genres", "user"], plain: true }],
      { rating: 3, label: 0.5 },
    );
    const log = createLog({
      ...small,
      users: { ...small.users, ids: ["ann", "bob", "eve"], attributes: [{}, {}, {}] },
    });
    const online = statisticsAtEnd(pairs, log);
    const countOf = (user: string, history: readonly OwnEvent[]): number =>
      online.valuesOf({ user, item: "a", time: 400 }, catalogueFromLog(log), history)[0]!;
    expect(countOf("eve", [like(150)])).toBe(1);
    expect(countOf("eve", [like()])).toBe(1);
    // Her latest is of 200, the log's of 300.
    expect(countOf("ann", [])).toBe(2);
    expect(countOf("ann", [like(200)])).toBe(2);
    expect(countOf("ann", [like(250)])).toBe(3);
  });

  test("are counted once for many samples of a user, and anew when an event was observed", () => {
    const online = fed(small, [0, 1, 2], smallPlan);
    const catalogue = catalogueFromLog(small);
    const ask = (item: string): number[] => [
      ...online.valuesOf({ user: "ann", item, time: 500 }, catalogue, [like(350)]),
    ];
    const [ofA, ofB] = [ask("a"), ask("b")];
    expect(ask("a")).toEqual(ofA);
    expect(ofA).toEqual(valuesOf("ann", [like(350)], 500));
    expect(ofB.slice(0, 2)).toEqual([log1p(3), Math.fround((2 / 3 + 1 / 2) / 2)]); // war: 1, 0, 1; noir: 0, 1
    online.observe({ user: "ann", item: "b", rating: 1, label: 0, time: 340 }, catalogue);
    expect(ask("a")[0]).toBe(log1p(4));
  });

  test("are those of a record's history, liked by the map's threshold", () => {
    const history = [{ item: "b", rating: 4, time: 390 }];
    const catalogue = catalogueFromLog(small);
    const record = { user: null, item: "a", history, time: 400 };
    const { features: online } = encodeRecords(featureMap, [record], catalogue, server);
    const own = { count: one, share: 1, pause: log1p(10), item_count: one };
    expect(online).toEqual(encodeRecords(featureMap, [{ ...record, statistics: own }]).features);
  });
});
