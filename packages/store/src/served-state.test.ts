import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  catalogueFromLog,
  createCatalogue,
  type InteractionLog,
  recordAt,
  statisticsAt,
  statisticsAtEnd,
  type StatisticsPlan,
} from "@corella/modality";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventStore } from "./event-store.ts";
import { chance } from "./events.test-helper.ts";
import { openServedState, type ServedBundle, type ServedState } from "./served-state.ts";
import { openSqliteStore } from "./sqlite/sqlite-store.ts";
import {
  eventAt,
  firstRows,
  historiesOf,
  instantAt,
  planOfEveryKind,
  randomLog,
} from "./statistics.test-helper.ts";

let folder = "";
let made = 0;
const stores: EventStore[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-state-"));
});
afterAll(async () => {
  for (const store of stores) await store.close();
  await rm(folder, { recursive: true });
});
const newStore = async (path = join(folder, `state-${(made += 1)}.db`)): Promise<EventStore> => {
  const store = await openSqliteStore(path);
  stores.push(store);
  return store;
};

/** The bundle of the first rows of a log, with a state of its own. */
function bundleOf(
  whole: InteractionLog,
  size: number,
  plan: StatisticsPlan | undefined,
  version = `rows-${size}`,
): ServedBundle {
  const log = firstRows(whole, size);
  return {
    version,
    histories: historiesOf(log),
    catalogue: catalogueFromLog(whole),
    ties: whole.history.ties,
    likedThreshold: whole.likedThreshold,
    statistics: plan && statisticsAtEnd(plan, log),
  };
}

/** Later than all: what samples that tell no time are asked as of. */
const now = (): number => 2_000_000_000;

/** A state gives a row's sample what the log gives it: its statistics to the bit, and its history. */
async function expectRow(
  state: ServedState,
  whole: InteractionLog,
  row: number,
  plan: StatisticsPlan | undefined,
): Promise<void> {
  const { itemAttributes: _, ...asked } = recordAt(whole, row);
  const [sample] = await state.complete([asked]);
  const expected = plan && statisticsAt(whole, [row], { statistics: plan })!(0);
  expect(sample!.statistics, `row ${row}`).toEqual(expected);
  const before = { time: asked.time!, ties: whole.history.ties };
  const { history, earlier } = asked;
  expect(await state.history(asked.user!, whole.history.maxLength, before)).toEqual({
    events: history,
    earlier,
  });
}

describe.each(["exclude", "order"] as const)("a bundle with the events since, ties %s:", (ties) => {
  test("statistics and histories are those of the whole log, event by event, whatever is asked, after restarts too", async () => {
    for (const seed of [1, 2]) {
      const whole = randomLog(120, ties, seed);
      const plan = planOfEveryKind(whole);
      const size = instantAt(whole, 50);
      const next = chance(seed);
      const path = join(folder, `whole-${ties}-${seed}.db`);
      let store = await newStore(path);
      const open = (): Promise<ServedState> =>
        openServedState(store, bundleOf(whole, size, plan), { now, snapshotEvery: 11 });
      let state = await open();
      const other = await openServedState(store, bundleOf(whole, size, plan), { now, snapshotEvery: 17 });
      for (let row = size; row < whole.size; row++) {
        await expectRow(state, whole, row, plan);
        if (next() < 0.3) await expectRow(other, whole, row, plan);
        expect(await state.append([eventAt(whole, row)])).toMatchObject({ added: 1 });
        if (next() < 0.5) await state.complete([{ ...recordAt(whole, row), time: undefined }]);
        if (next() < 0.1) {
          await state.close();
          if (next() < 0.3) {
            await other.update();
            store = await newStore(path);
          }
          state = await open();
          expect(state.missed).toBe(0);
        }
      }
      expect((await store.snapshot(`rows-${size}`))!.position).toBeGreaterThan(20);
    }
  });

  test("a newer bundle, whose log has part of them, counts the rest; and one without statistics has the histories", async () => {
    const whole = randomLog(150, ties, 7);
    const plan = planOfEveryKind(whole);
    const [first, second] = [instantAt(whole, 40), instantAt(whole, 80)];
    const store = await newStore();
    const old = await openServedState(store, bundleOf(whole, first, plan), { now });
    const attachAt = instantAt(whole, 110);
    for (let row = first; row < attachAt; row++) await old.append([eventAt(whole, row)]);
    const newer = await openServedState(store, bundleOf(whole, second, plan), { now, snapshotEvery: 10 });
    const plain = await openServedState(store, bundleOf(whole, second, undefined, "plain"), { now });
    const last = whole.size - 1;
    for (let row = attachAt; row < last; row++) {
      for (const state of [old, newer]) await expectRow(state, whole, row, plan);
      await expectRow(plain, whole, row, undefined);
      await newer.append([eventAt(whole, row)]);
    }
    await old.close();
    await newer.close();
    const restarted = await openServedState(store, bundleOf(whole, second, plan), { now });
    await expectRow(restarted, whole, last, plan);
  });
});

describe("a served state", () => {
  const whole = randomLog(100, "exclude", 5);
  const plan = planOfEveryKind(whole);

  test("asks a sample without a time as of now, after an event of this very moment", async () => {
    const clock = whole.time.at(-1)! + 50;
    const state = await openServedState(await newStore(), bundleOf(whole, whole.size, plan), {
      now: () => clock,
    });
    const sample = { user: "new", item: "2", history: [] };
    const [before] = await state.complete([sample]);
    expect(before).toMatchObject({ time: clock });
    expect(before!.statistics!.recent).toBe(0);
    await state.append([{ id: "a", user: "new", item: "2", rating: 5 }]);
    const [after] = await state.complete([sample]);
    expect(after!.time).toBeGreaterThan(clock);
    expect(after!.time).toBeLessThan(clock + 0.01);
    expect(after!.statistics!.recent).toBeCloseTo(Math.log(2), 5);
    expect(after!.statistics!.last).toBe(5);
    expect(await state.history("new", 5)).toEqual({
      events: [{ item: "2", rating: 5, time: clock }],
      earlier: 0,
    });
  });

  test("refuses an event whose time has not come, and appends nothing of its call", async () => {
    const store = await newStore();
    const state = await openServedState(store, bundleOf(whole, whole.size, plan), { now: () => 2_000_000 });
    const event = { id: "a", user: "u0", item: "2", rating: 5 };
    await expect(state.append([event, { ...event, id: "b", time: 2_000_061 }])).rejects.toMatchObject({
      code: "store/bad-event",
      place: "events[1].time",
    });
    expect(await store.eventsAfter(0, 5)).toEqual([]);
  });

  test("tells models the attributes of items that came with events, where the catalogue has none", async () => {
    const store = await newStore();
    const bundle = {
      ...bundleOf(whole, whole.size, plan),
      catalogue: createCatalogue([["2", { genres: ["War"] }]]),
    };
    const state = await openServedState(store, bundle, { now });
    const told = { id: "a", user: "u0", item: "new", rating: 5, itemAttributes: { genres: ["Western"] } };
    await state.append([told, { ...told, id: "b", itemAttributes: undefined }]);
    await state.append([
      { ...told, id: "c", item: "2", itemAttributes: { genres: ["not the catalogue's"] } },
    ]);
    const [known, old] = await state.complete([
      { user: "u0", item: "new", history: [] },
      { user: "u0", item: "2", history: [] },
    ]);
    expect(known!.itemAttributes).toEqual({ genres: ["Western"] });
    expect(known!.statistics!.genre_count).toBeCloseTo(Math.log(3), 5);
    expect(old).not.toHaveProperty("itemAttributes"); // the catalogue's hold
  });

  test("says how many events it missed where the store kept fewer than came while it was away", async () => {
    const path = join(folder, "missed.db");
    const limits = { logEvents: 10, userEvents: 100 };
    const store = await openSqliteStore(path, limits);
    stores.push(store);
    await (await openServedState(store, bundleOf(whole, 60, plan), { now })).close();
    for (let row = 60; row < 90; row++) await store.append([eventAt(whole, row)]);
    const late = await openServedState(store, bundleOf(whole, 60, plan), { now });
    expect(late.missed).toBe(20);
    expect(late.position).toBe(30);
  });

  test("without a place for its snapshots goes on, and says so", async () => {
    const store = await newStore();
    const errors: unknown[] = [];
    const failing: EventStore = { ...store, saveSnapshot: () => Promise.reject(new Error("no space")) };
    const state = await openServedState(failing, bundleOf(whole, 60, plan), {
      now,
      snapshotEvery: 5,
      onSnapshotError: (error) => errors.push(error),
    });
    for (let row = 60; row < 80; row++) await state.append([eventAt(whole, row)]);
    await expectRow(state, whole, 80, plan);
    await state.close();
    expect(errors.length).toBeGreaterThan(1);
    await expect(state.update()).rejects.toMatchObject({ code: "store/closed" });
  });
});
