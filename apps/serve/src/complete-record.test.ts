import type { Histories } from "@corella/bundle";
import { createCatalogue, type HistoryEvent } from "@corella/modality";
import { expect, test } from "vitest";
import { completeRecord } from "./complete-record.ts";

const catalogue = createCatalogue([["a", {}]]);
const stored: HistoryEvent[] = [
  { item: "a", rating: 4, time: 100, statistics: { "item.count": 7 } },
  { item: "b", rating: 2, time: 200, statistics: {} },
];

function historiesOf(events: readonly HistoryEvent[]): Histories {
  return {
    users: 1,
    some: () => ["ann"],
    has: (user) => user === "ann",
    of: () => [...events],
    earlierOf: () => 3,
    attributesOf: () => ({}),
  };
}

test("events that a request tells of a known user get the statistics that the bundle keeps with them", () => {
  const history = [
    { item: "b", rating: 5, time: 200 },
    { item: "a", rating: 4, time: 100 },
    { item: "c", rating: 1, time: 300 },
    { item: "old", rating: 1, time: 5 },
  ];
  const told = completeRecord({ user: "ann", item: "a", history }, historiesOf(stored), catalogue).record
    .history;
  expect(told).toEqual([
    { item: "old", rating: 1, time: 5 },
    { item: "a", rating: 4, time: 100, statistics: { "item.count": 7 } },
    { item: "b", rating: 5, time: 200, statistics: {} },
    { item: "c", rating: 1, time: 300 },
  ]);
  expect(completeRecord({ user: "ann", item: "a" }, historiesOf(stored), catalogue).record.history).toEqual(
    stored,
  );
});

test("an event among them that the bundle does not have is refused, where the prompt says statistics of events", () => {
  const unknown = [
    { item: "c", rating: 1, time: 150 },
    { item: "b", rating: 2 },
  ];
  for (const event of unknown) {
    const sample = { item: "a", history: [event] };
    expect(() => completeRecord({ user: "ann", ...sample }, historiesOf(stored), catalogue)).toThrow(
      expect.objectContaining({ code: "serve/unknown-event", place: "history[0]" }),
    );
    for (const [user, events] of [
      ["eve", stored],
      [null, stored],
      ["ann", stored.map(({ item, rating, time }) => ({ item, rating, time }))],
    ] as const)
      expect(completeRecord({ user, ...sample }, historiesOf(events), catalogue).record.history).toEqual([
        event,
      ]);
  }
});
