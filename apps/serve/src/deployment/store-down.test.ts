import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CorellaError } from "@corella/errors";
import type { FeatureConfig } from "@corella/modality";
import { type EventStore, openServedState, openStore } from "@corella/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { post, servedBundle, world, worldStatistics } from "../world.test-helper.ts";
import { createStoreHealth } from "./store-health.ts";

const features: FeatureConfig[] = [{ name: "item_last", type: "statistic", value: "last", by: "item" }];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-down-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A server whose store fails, or does not answer at all, when a test says so. */
async function server(
  name: string,
  retryMs: number,
): Promise<
  ReturnType<typeof world> & {
    store: { mode: "up" | "down" | "hangs"; calls: number };
    close(): Promise<void>;
  }
> {
  const real = await openStore(join(folder, `${name}.db`));
  const store = { mode: "up" as "up" | "down" | "hangs", calls: 0 };
  const flaky = new Proxy(real, {
    get(target, method: keyof EventStore) {
      const value = target[method];
      if (typeof value !== "function") return value;
      return async (...values: unknown[]) => {
        store.calls += 1;
        if (store.mode === "hangs") await new Promise(() => {});
        if (store.mode === "down")
          throw new CorellaError({ code: "store/unavailable", message: "Redis does not answer: secret." });
        return (value as (...all: unknown[]) => unknown).apply(target, values);
      };
    },
  });
  const state = await openServedState(flaky, { ...servedBundle, statistics: worldStatistics(features) });
  const lines: string[] = [];
  const health = createStoreHealth((line) => lines.push(line), { answerMs: 100, retryMs });
  const made = world({
    events: { state, historyLength: 3, ties: "exclude", health },
    log: (line) => lines.push(line),
  });
  return { ...made, lines, store, close: () => real.close() };
}

test("while the store is down scores are the bundle's own and say so, events are to be sent again, and it recovers by itself", async () => {
  const { app, toCrm, lines, store, close } = await server("down", 100);
  const event = { id: "a", user: "ann", item: "2", rating: 5, time: 300 };
  const send = async (id: string): Promise<Response> =>
    app.request("/v1/events", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...event, id }),
    });
  expect((await send("a")).status).toBe(200);
  store.mode = "down";
  for (let i = 0; i < 20; i++) {
    const [status, answer] = await post(app, { samples: [{ user: "ann", item: "2" }, { item: "9" }] });
    expect(status).toBe(200);
    expect(answer.predictions).toMatchObject([{ storeDown: true }, { storeDown: true, unknownItem: true }]);
    const [record] = toCrm.at(-1)!;
    expect(record!.history.map(({ rating }) => rating)).toEqual([4, 3]);
    // What was counted before is still known.
    expect(record!.statistics).toEqual({ item_last: 5 });
    expect(record!.time).toBeCloseTo(Date.now() / 1000, -2);
  }
  const down = lines.filter((line) => line.includes("does not answer"));
  expect(down).toHaveLength(1);
  expect(down[0]).toContain("secret");

  const refused = await send("b");
  expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([503, true]);
  const told = await refused.text();
  expect(told).toContain("serve/store-down");
  expect(told).not.toContain("secret");

  store.mode = "up";
  await pause(150);
  const [, answer] = await post(app, { user: "ann", item: "2" });
  expect(answer).not.toHaveProperty("storeDown");
  expect(toCrm.at(-1)![0]!.history.map(({ rating }) => rating)).toEqual([4, 3, 5]);
  expect(lines).toContain("the store of events answers again");
  expect(await (await send("b")).json()).toEqual({ added: 1, repeated: 0 });
  await close();
});

test("a store that never answers delays the first scores by the patience with it, and the others not at all", async () => {
  const { app, store, close } = await server("hangs", 2000);
  store.mode = "hangs";
  const startedMs = performance.now();
  const first = await Promise.all([1, 2, 3].map(() => post(app, { user: "ann", item: "2" })));
  expect(first.map(([status, { storeDown }]) => [status, storeDown])).toEqual(first.map(() => [200, true]));
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(99);
  store.calls = 0;
  for (let i = 0; i < 5; i++) expect((await post(app, { user: "ann", item: "2" }))[1].storeDown).toBe(true);
  expect(store.calls).toBe(0);
  // Of those that come later one asks the store, and the rest do without.
  await pause(2100);
  await Promise.all([1, 2, 3, 4].map(() => post(app, { user: "ann", item: "2" })));
  expect(store.calls).toBeLessThanOrEqual(2); // the history, or what was appended since
  store.mode = "up";
  await expect
    .poll(async () => (await post(app, { user: "ann", item: "2" }))[1].storeDown, { timeout: 10_000 })
    .toBeUndefined();
  await close();
});

test("a mistake of whoever asks is no failure of the store", async () => {
  const lines: string[] = [];
  const health = createStoreHealth((line) => lines.push(line));
  for (const code of ["store/long-history", "serve/unknown-event"]) {
    const mistake = new CorellaError({ code, message: "x" });
    await expect(health.ask(() => Promise.reject(mistake))).rejects.toBe(mistake);
  }
  expect(await health.ask(async () => 7)).toBe(7);
  expect(lines).toEqual([]);
});
