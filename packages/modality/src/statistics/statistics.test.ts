import { parseSafetensors, serializeSafetensors } from "@corella/safetensors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catalogueFromLog } from "../catalogue.ts";
import { encodeRecords } from "../features/encode-records.ts";
import { encodeRows } from "../features/encode-rows.ts";
import { fitFeatureMap } from "../features/fit.ts";
import { createLog, type InteractionLog } from "../log.ts";
import { randomLog } from "../random-log.test-helper.ts";
import { recordAt } from "../record.ts";
import { halfLifeSeconds, keyTexts, parseDimension, type StatisticConfig } from "./config.ts";
import { statisticsByRow } from "./columns.test-helper.ts";
import { valuesAlong } from "./dimension-values.ts";
import { statisticsOfEveryKind } from "./every-kind.test-helper.ts";
import { planStatistics } from "./plan.ts";
import { emptyStatistics, type ObservedEvent, statisticsAtEnd } from "./running-statistics.ts";
import { statisticsFromFiles, statisticsToFiles } from "./statistics-files.ts";

const means = { rating: 2.5, label: 0.4 };
const plan = planStatistics(statisticsOfEveryKind, means);

function observed(log: InteractionLog, row: number): ObservedEvent {
  const { user, item, userAttributes, context } = recordAt(log, row, 0); // attributes of items come from the catalogue
  return {
    user,
    item,
    userAttributes,
    context,
    rating: log.rating[row]!,
    label: log.label[row]!,
    time: log.time[row]!,
  };
}

describe("statistics of random logs, under both rules for ties", () => {
  test("are for every row those of a server that was fed the log event by event", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        const offline = statisticsByRow(plan, log, {
          memoryBytes: log.history.maxLength > 4 ? 0 : undefined,
          blockRows: 8,
        });
        const catalogue = catalogueFromLog(log);
        const server = emptyStatistics(plan, log.history.ties);
        for (let row = 0; row < log.size; row++) {
          const online = server.valuesOf({ ...recordAt(log, row, 0), itemAttributes: undefined }, catalogue);
          expect(online).toEqual(Float32Array.from(offline, (column) => column[row]!));
          server.observe(observed(log, row), catalogue);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("do not depend on which samples are asked between the events, of whichever time", () => {
    const asks = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: -2, max: 3 })));
    fc.assert(
      fc.property(randomLog(), asks, (log, asked) => {
        const catalogue = catalogueFromLog(log);
        const [quiet, busy] = [
          emptyStatistics(plan, log.history.ties),
          emptyStatistics(plan, log.history.ties),
        ];
        for (let row = 0; row < log.size; row++) {
          const late = row % 5 === 4 ? 7200 : 0; // some events come late
          const event = { ...observed(log, row), time: log.time[row]! - late };
          quiet.observe(event, catalogue);
          busy.observe(event, catalogue);
          for (const [at, hours] of asked) {
            if (at !== row) continue;
            busy.valuesOf({ ...recordAt(log, row, 0), time: log.time[row]! + 3600 * hours }, catalogue);
            busy.valuesOf({ ...recordAt(log, 0, 0), time: undefined }, catalogue);
          }
          const sample = { ...recordAt(log, row, 0), itemAttributes: undefined };
          expect(busy.valuesOf(sample, catalogue)).toEqual(quiet.valuesOf(sample, catalogue));
        }
        for (let u = 0; u < 4; u++) {
          for (const item of log.items.ids) {
            const sample = { user: log.users.ids[u]!, item, time: 10 * 86_400 };
            expect(busy.valuesOf(sample, catalogue)).toEqual(quiet.valuesOf(sample, catalogue));
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  test("are what their definitions say, event by event and without any state", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        const offline = statisticsByRow(plan, log);
        for (const [s, config] of statisticsOfEveryKind.entries())
          for (let row = 0; row < log.size; row++) {
            const expected = byDefinition(log, row, config);
            const actual = offline[s]![row]!;
            if (Number.isNaN(expected)) expect(actual, `${config.name} of row ${row}`).toBeNaN();
            else expect(actual, `${config.name} of row ${row}`).toBeCloseTo(expected, 4);
          }
      }),
      { numRuns: 60 },
    );
  });

  test("go on from files at the log's end as the log itself would have gone on", () => {
    fc.assert(
      fc.property(randomLog(), (log) => {
        let size = log.size - 1;
        if (log.history.ties === "exclude")
          while (size > 0 && log.time[size] === log.time[size - 1]) size -= 1; // up to the last instant
        fc.pre(size > 0);
        const featureMap = fitFeatureMap(statisticsOfEveryKind, log, [0]);
        const files = statisticsToFiles(statisticsAtEnd(featureMap.statistics!, firstRows(log, size)));
        const { tensors } = parseSafetensors(serializeSafetensors(files.tensors));
        const json: unknown = JSON.parse(JSON.stringify(files.json));
        const server = statisticsFromFiles(featureMap.statistics!, { json, tensors }, "bundle");
        const catalogue = catalogueFromLog(log);
        for (let row = size; row < log.size; row++) {
          const { labels: _, ...offline } = encodeRows(featureMap, log, [row]);
          expect(encodeRecords(featureMap, [recordAt(log, row)], catalogue, server)).toEqual(offline);
          server.observe(observed(log, row), catalogue);
        }
      }),
      { numRuns: 100 },
    );
  });
});

test.each([
  ["item.year/10", { year: 1994 }, ["199"]],
  ["item.year/10", { year: "1990" }, ["199"]],
  ["item.year/0.5", { year: -0.2 }, ["-1"]],
  ["item.s/0.1", { s: 0.5 }, ["5"]],
  ["item.s/0.1", { s: 0.6 }, ["6"]],
  ["item.year/10", { year: "soon" }, []],
  ["item.year/10", {}, []],
])("%s of %o has the keys %o", (text, attributes, keys) => {
  expect(valuesAlong(parseDimension("test", text), "i", attributes)).toEqual(keys);
});

test("means without prior stay what they were when all half-lives have passed, of an id, of a list and of deviations", () => {
  const mean = { type: "statistic", value: "mean", prior: 0, halfLife: "1d" } as const;
  const aged = planStatistics(
    [
      { ...mean, name: "item", by: "item" },
      { ...mean, name: "genres", by: "item.genres" },
      { ...mean, name: "user_deviation", value: "deviation", by: "user" },
    ],
    means,
  );
  const server = emptyStatistics(aged, "exclude");
  const war = { item: "i", itemAttributes: { genres: ["War", "Noir"] }, label: 1 };
  server.observe({ ...war, user: "u", rating: 5, time: 0 });
  const later = 1100 * 86_400;
  expect([...server.valuesOf({ ...war, user: "v", time: later })]).toEqual([5, 5, Number.NaN]);
  server.observe({ ...war, user: "v", rating: 3, time: later });
  expect(server.valuesOf({ ...war, user: "v", time: later + 1 })[2]).toBeCloseTo(-2);
});

test("deviations by a column of the context are from the user's mean, whatever the column is called", () => {
  const deviation = { name: "d", type: "statistic", value: "deviation", by: "user-agent" } as const;
  const { dimensions, tallies, deviations } = planStatistics([deviation], means);
  expect(dimensions[tallies[deviations[0]!.tally]!.dimensions[0]!]).toMatchObject({ source: "user" });
});

/** A log of its first rows, which knows the users and items of the others too. */
function firstRows(log: InteractionLog, size: number): InteractionLog {
  return createLog({
    ...log,
    user: log.user.slice(0, size),
    item: log.item.slice(0, size),
    rating: log.rating.slice(0, size),
    time: log.time.slice(0, size),
    label: log.label.slice(0, size),
  });
}

const isBefore = (log: InteractionLog, past: number, row: number): boolean =>
  log.history.ties === "exclude" ? log.time[past]! < log.time[row]! : past < row;

function keysOf(log: InteractionLog, row: number, texts: readonly string[]): string[] {
  const { user, item, userAttributes, itemAttributes, context } = recordAt(log, row, 0);
  const parts = texts.map((text) => {
    const dimension = parseDimension("test", text);
    if (dimension.source === "context") return valuesAlong(dimension, undefined, context);
    return dimension.source === "user"
      ? valuesAlong(dimension, user!, userAttributes)
      : valuesAlong(dimension, item, itemAttributes);
  });
  return parts.reduce<string[]>(
    (keys, values) => keys.flatMap((key) => values.map((value) => `${key}/${value}`)),
    [""],
  );
}

function byDefinition(log: InteractionLog, row: number, config: StatisticConfig): number {
  const { value, of = "rating", prior = 5 } = config;
  const texts = keyTexts(config);
  const life = halfLifeSeconds(config);
  const weight = (past: number, now: number): number =>
    life === 0 ? 1 : 0.5 ** ((log.time[now]! - log.time[past]!) / life);
  const shrunk = (now: number, events: number[], x: (past: number) => number, mean: number): number => {
    const total = events.reduce((sum, past) => sum + weight(past, now), prior);
    return events.reduce((sum, past) => sum + weight(past, now) * x(past), prior * mean) / total;
  };
  const before = (now: number, matches: (past: number) => boolean): number[] =>
    [...log.time.keys()].filter((past) => isBefore(log, past, now) && matches(past));
  const side = texts.some((text) => text.startsWith("user")) ? log.item : log.user;
  const deviation = (past: number): number => {
    const events = before(past, (other) => side[other] === side[past]);
    const mean =
      events.length === 0 ? means[of] : shrunk(past, events, (other) => log[of][other]!, means[of]);
    return log[of][past]! - mean;
  };
  const all = keysOf(log, row, texts).map((key) => {
    const events = before(row, (past) => keysOf(log, past, texts).includes(key));
    if (value === "count") return Math.log1p(events.reduce((sum, past) => sum + weight(past, row), 0));
    if (events.length === 0) return Number.NaN;
    if (value === "sinceLast") return Math.log1p(log.time[row]! - log.time[events.at(-1)!]!);
    if (value === "last") return log[of][events.at(-1)!]!;
    return value === "mean"
      ? shrunk(row, events, (past) => log[of][past]!, means[of])
      : shrunk(row, events, deviation, 0);
  });
  const known = all.filter((x) => !Number.isNaN(x));
  if (known.length === 0) return value === "count" ? 0 : Number.NaN;
  return known.reduce((sum, x) => sum + x, 0) / known.length;
}
