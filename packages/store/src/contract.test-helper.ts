import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Attachment, EventStore, HistoryEnd, StoreLimits, UserHistory } from "./event-store.ts";
import { maxEvents, type StoreEvent } from "./event.ts";
import { chance, event, randomEvents } from "./events.test-helper.ts";
import { compareKeys, tieKey } from "./tie-key.ts";

/** Where stores of one kind are opened. */
export interface StorePlace {
  open(limits?: Partial<StoreLimits>): Promise<EventStore>;
  /** An empty store next. */
  clear(): Promise<void>;
  remove(): Promise<void>;
}

/** What every store promises, as tests of the calling file. */
export function testStore(skipReason: string | undefined, make: () => Promise<StorePlace>): void {
  let place: StorePlace;
  const opened: EventStore[] = [];
  const openHere = async (limits?: Partial<StoreLimits>): Promise<EventStore> => {
    const store = await place.open(limits);
    opened.push(store);
    return store;
  };
  const storeTest = test.extend<{ open: typeof openHere }>({
    open: async ({ skip }, use) => {
      if (skipReason !== undefined) skip(skipReason);
      await use(openHere);
    },
  });
  beforeAll(async () => {
    if (skipReason === undefined) place = await make();
  });
  beforeEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await place?.clear();
  });
  afterAll(async () => {
    for (const store of opened) await store.close();
    await place?.remove();
  });

  storeTest(
    "events count in the read after they were appended, and in every store of the same place",
    async ({ open }) => {
      const [one, other] = [await open(), await open()];
      for (let i = 0; i < 20; i++) {
        const store = i % 2 === 0 ? one : other;
        const added = event({ id: `e${i}`, item: `${i}`, time: 100 + i });
        expect(await store.append([added])).toEqual({ added: 1, repeated: 0, position: i + 1 });
        for (const reader of [one, other]) {
          expect(await reader.history("ann", 1)).toEqual({
            events: [{ item: `${i}`, rating: 4, time: 100 + i }],
            earlier: i,
          });
          expect((await reader.eventsAfter(i, 10)).map(({ id }) => id)).toEqual([`e${i}`]);
        }
      }
      expect(await one.history("nobody", 5)).toEqual({ events: [], earlier: 0 });
    },
  );

  storeTest(
    "histories are those of a sorted list of all events, from whichever end and for whichever bundle",
    async ({ open }) => {
      const limits = { userEvents: 40, logEvents: 50 };
      let store = await open(limits);
      const next = chance(3);
      const all: StoreEvent[] = [];
      let attachment: Attachment | undefined;
      const events = randomEvents(150, 1);
      for (let start = 0; start < events.length; start += 15) {
        if (start === 45) attachment = await store.attach("later", 1004);
        const added = events.slice(start, start + 15);
        await store.append(added);
        all.push(...added);
        if (start === 75) {
          await store.close();
          store = await open(limits);
        }
        for (const user of ["ann", "日本"]) {
          for (const before of [undefined, ...(["exclude", "order"] as const)].map((ties) =>
            ties === undefined ? undefined : { ties, time: 995 + Math.floor(next() * 40) },
          )) {
            const count = Math.floor(next() * 8);
            expect(await store.history(user, count, { before })).toEqual(
              byDefinition(all, user, count, before),
            );
            if (attachment === undefined) continue;
            const since = all.filter((one, i) => i >= attachment!.since || one.time > attachment!.until);
            expect(await store.history(user, count, { before, attachment })).toEqual(
              byDefinition(since, user, count, before),
            );
          }
        }
      }
      expect(attachment).toMatchObject({ since: 45, until: 1004 });
      const log = await store.eventsAfter(0, 1000);
      expect(log).toMatchObject(all.slice(-limits.logEvents));
      expect(log.map(({ position }) => position)).toEqual(log.map((_, i) => 101 + i));
      expect(await store.eventsAfter(120, 2)).toEqual(log.slice(20, 22));
    },
  );

  storeTest(
    "of a user with more events than are kept the newest remain, and how many there were is known",
    async ({ open }) => {
      const store = await open({ userEvents: 8, logEvents: 3 });
      const events = randomEvents(100, 2).map((one) => ({ ...one, user: "ann" }));
      for (const one of events) {
        await store.append([one]);
      }
      expect(await store.history("ann", 8)).toEqual(byDefinition(events, "ann", 8));
      expect(await store.eventsAfter(0, 100)).toHaveLength(3);
      await expect(store.history("ann", 9)).rejects.toMatchObject({ code: "store/long-history" });
    },
  );

  storeTest(
    "an id that a user's event has already is a repeat, alone, within a call, at once and after a restart",
    async ({ open }) => {
      let store = await open();
      const [a, b] = [event({ id: "a" }), event({ id: "b", time: 101 })];
      expect(await store.append([a, b, a])).toEqual({ added: 2, repeated: 1, position: 2 });
      const calls = await Promise.all([a, b, a, b].map((one) => store.append([{ ...one, rating: 1 }])));
      expect(calls).toEqual(calls.map(() => ({ added: 0, repeated: 1, position: 2 })));
      await store.close();
      store = await open();
      const ofOther = event({ id: "a", user: "bob" });
      expect(await store.append([b, ofOther])).toEqual({ added: 1, repeated: 1, position: 3 });
      expect(await store.history("ann", 5)).toEqual(byDefinition([a, b], "ann", 5));
    },
  );

  storeTest("many calls at once are all written, in one order for all", async ({ open }) => {
    const [one, other] = [await open(), await open()];
    const events = randomEvents(300, 4);
    await Promise.all(events.map((each, i) => (i % 2 === 0 ? one : other).append([each])));
    const logs = await Promise.all([one, other].map((store) => store.eventsAfter(0, 1000)));
    expect(logs[0]).toEqual(logs[1]);
    expect(logs[0]!.map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort());
    expect(logs[0]!.map(({ position }) => position)).toEqual(events.map((_, i) => i + 1));
  });

  storeTest(
    "an event comes back as it was, and with the attributes that earlier events told of its item",
    async ({ open }) => {
      const store = await open();
      const full = event({
        id: "full",
        label: 0,
        rating: 4.1,
        time: 1_700_000_000.125,
        context: { device: "tv", price: 1.5, tags: ["a", "b"] },
        userAttributes: { age: 30 },
        itemAttributes: { title: "Old", genres: ["War"] },
      });
      await store.append([event({ id: "first" }), full, event({ id: "second" })]);
      await store.append([event({ id: "third", itemAttributes: { title: "New" } }), event({ id: "fourth" })]);
      await store.append([event({ id: "full", itemAttributes: { title: "of a repeat" } })]);
      const log = await store.eventsAfter(0, 10);
      expect(log[1]).toEqual({ ...full, position: 2 });
      expect(log.map(({ itemAttributes }) => itemAttributes?.title)).toEqual([
        undefined,
        "Old",
        "Old",
        "New",
        "New",
      ]);
      expect(await store.attributesOf("7")).toEqual({ title: "New" });
      expect(await store.attributesOf("8")).toBeUndefined();
    },
  );

  storeTest("a bundle stays attached where it was first, and keeps its newest snapshot", async ({ open }) => {
    const store = await open();
    expect(await store.attach("a", Number.NEGATIVE_INFINITY)).toEqual({
      since: 0,
      until: Number.NEGATIVE_INFINITY,
      head: 0,
    });
    await store.append([event({ id: "a" })]);
    expect(await store.attach("a", 5)).toEqual({ since: 0, until: Number.NEGATIVE_INFINITY, head: 1 });
    expect(await store.attach("b", 5.5)).toEqual({ since: 1, until: 5.5, head: 1 });
    expect(await store.snapshot("a")).toBeUndefined();
    const large = Uint8Array.from({ length: 9_000_001 }, (_, i) => (i * 7919) >> 8);
    await store.saveSnapshot("a", { position: 10, data: Uint8Array.of(1, 2) });
    await store.saveSnapshot("a", { position: 20, data: large });
    await store.saveSnapshot("a", { position: 15, data: Uint8Array.of(3) });
    await store.saveSnapshot("b", { position: 1, data: Uint8Array.of(4) });
    const kept = await store.snapshot("a");
    expect(kept!.position).toBe(20);
    expect(Buffer.compare(kept!.data, large)).toBe(0);
    expect(await store.snapshot("b")).toEqual({ position: 1, data: Uint8Array.of(4) });
    for (const [i, bundle] of ["c", "d", "e"].entries()) {
      await store.attach(bundle, 0);
      await store.saveSnapshot(bundle, { position: 11 + i, data: Uint8Array.of(5, i) });
    }
    expect(await store.snapshot("b")).toBeUndefined(); // four have come further
    for (const bundle of ["a", "c", "d", "e"]) expect(await store.snapshot(bundle)).toBeDefined();
    await store.saveSnapshot("b", { position: 30, data: Uint8Array.of(6) });
    expect(await store.snapshot("c")).toBeUndefined();
    expect(await store.snapshot("b")).toEqual({ position: 30, data: Uint8Array.of(6) });
  });

  storeTest(
    "what cannot be appended is refused with its place, and nothing of the call is written",
    async ({ open }) => {
      const store = await open({ waitingEvents: 5 });
      const bad = async (change: object, where: string): Promise<void> =>
        expect(
          store.append([event({ id: "good" }), { ...event({ id: "bad" }), ...change } as StoreEvent]),
        ).rejects.toMatchObject({ code: "store/bad-event", place: `events[1]${where}` });
      await bad({ id: "" }, ".id");
      await bad({ user: "a\0b" }, ".user");
      await bad({ user: "half \ud800" }, ".user");
      await bad({ item: "i".repeat(1025) }, ".item");
      await bad({ rating: Number.NaN }, ".rating");
      await bad({ label: 2 }, ".label");
      await bad({ time: 1_700_000_000_000 }, ".time");
      await bad({ context: { device: null } }, ".context.device");
      await bad({ histroy: [] }, "");
      const many = Array.from({ length: maxEvents + 1 }, (_, i) => event({ id: `${i}` }));
      await expect(store.append(many)).rejects.toMatchObject({ code: "store/too-many-events" });
      expect(await store.eventsAfter(0, 10)).toEqual([]);
      expect(await store.append([])).toEqual({ added: 0, repeated: 0, position: 0 });
      const calls = await Promise.allSettled([0, 3, 6].map((i) => store.append(many.slice(i, i + 3))));
      expect(calls.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
      expect((calls[1] as PromiseRejectedResult).reason).toMatchObject({ code: "store/full" });
      expect(await store.append(many.slice(3, 6))).toMatchObject({ added: 3 });
    },
  );

  storeTest("a closed store has written all, and says that it is closed", async ({ open }) => {
    const store = await open();
    const last = Promise.all(randomEvents(50, 5).map((one) => store.append([one])));
    await store.close();
    await store.close();
    expect((await last).map(({ added }) => added)).toEqual(Array.from({ length: 50 }, () => 1));
    await expect(store.append([event({ id: "a" })])).rejects.toMatchObject({ code: "store/closed" });
    await expect(store.history("ann", 1)).rejects.toMatchObject({ code: "store/closed" });
    expect(await (await open()).eventsAfter(0, 100)).toHaveLength(50);
  });
}

function byDefinition(
  all: readonly StoreEvent[],
  user: string,
  count: number,
  before?: HistoryEnd,
): UserHistory {
  const own = all
    .map((one, position) => ({ ...one, position }))
    .filter(({ user: other }) => other === user)
    .filter(
      ({ time }) =>
        before === undefined || time < before.time || (before.ties === "order" && time === before.time),
    )
    .sort(
      (a, b) => a.time - b.time || compareKeys(tieKey(a.item), tieKey(b.item)) || a.position - b.position,
    );
  const first = Math.max(0, own.length - count);
  return {
    events: own.slice(first).map(({ item, rating, time }) => ({ item, rating, time })),
    earlier: first,
  };
}
