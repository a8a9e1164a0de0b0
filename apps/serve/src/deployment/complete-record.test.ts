import type { Histories } from "@corella/bundle";
import { createCatalogue, type HistoryEvent } from "@corella/modality";
import { expect, test } from "vitest";
import { completeRecords } from "./complete-record.ts";
import type { Sample } from "./sample.ts";

const catalogue = createCatalogue([["a", {}]]);
const stored: HistoryEvent[] = [
  { item: "a", rating: 4, time: 100, statistics: { "item.count": 7 } },
  { item: "b", rating: 2, time: 200, statistics: {} },
];

function historiesOf(events: readonly HistoryEvent[]): Histories {
  return {
    users: 1,
    latest: 200,
    keepsStatistics: events.some(({ statistics }) => statistics !== undefined),
    some: () => ["ann"],
    has: (user) => user === "ann",
    of: () => [...events],
    earlierOf: () => 3,
    attributesOf: () => ({}),
  };
}

async function historyOf(sample: Sample, events: readonly HistoryEvent[]): Promise<readonly HistoryEvent[]> {
  const [completed] = await completeRecords([sample], { histories: historiesOf(events), catalogue });
  return completed!.record.history;
}

test("events that a request tells of a known user get the statistics that the bundle keeps with them", async () => {
  const history = [
    { item: "b", rating: 5, time: 200 },
    { item: "a", rating: 4, time: 100 },
    { item: "c", rating: 1, time: 300 },
    { item: "old", rating: 1, time: 5 },
  ];
  expect(await historyOf({ user: "ann", item: "a", history }, stored)).toEqual([
    { item: "old", rating: 1, time: 5 },
    { item: "a", rating: 4, time: 100, statistics: { "item.count": 7 } },
    { item: "b", rating: 5, time: 200, statistics: {} },
    { item: "c", rating: 1, time: 300 },
  ]);
  expect(await historyOf({ user: "ann", item: "a" }, stored)).toEqual(stored);
});

test("events of a sample's own time are before it where the bundle was trained with ties of order, else not", async () => {
  const known = { histories: historiesOf(stored), catalogue };
  const itemsWith = async (ties?: "exclude" | "order"): Promise<string[]> => {
    const [completed] = await completeRecords([{ user: "ann", item: "a", time: 200 }], { ...known, ties });
    return completed!.record.history.map(({ item }) => item);
  };
  expect(await itemsWith("order")).toEqual(["a", "b"]);
  expect(await itemsWith("exclude")).toEqual(["a"]);
  expect(await itemsWith()).toEqual(["a"]);
});

test("an event among them that the bundle does not have is refused, where the prompt says statistics of events", async () => {
  const unknown = [
    { item: "c", rating: 1, time: 150 },
    { item: "b", rating: 2 },
  ];
  for (const event of unknown) {
    const sample = { item: "a", history: [event] };
    await expect(historyOf({ user: "ann", ...sample }, stored)).rejects.toMatchObject({
      code: "serve/unknown-event",
      place: "history[0]",
    });
    for (const [user, events] of [
      ["eve", stored],
      [null, stored],
      ["ann", stored.map(({ item, rating, time }) => ({ item, rating, time }))],
    ] as const)
      expect(await historyOf({ user, ...sample }, events)).toEqual([event]);
  }
});
