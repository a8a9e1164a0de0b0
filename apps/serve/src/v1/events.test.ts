import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import type { FeatureConfig } from "@corella/modality";
import { type EventStore, openServedState, openStore } from "@corella/store";
import type { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventsSince } from "../deployment/complete-record.ts";
import { createStoreHealth } from "../deployment/store-health.ts";
import type { OpenApiDocument } from "../openapi/document.ts";
import { type Answer, post, servedBundle, world, worldStatistics } from "../world.test-helper.ts";

const features: FeatureConfig[] = [
  { name: "item_last", type: "statistic", value: "last", by: "item" },
  { name: "user_count", type: "statistic", value: "count", by: "user" },
];

let folder = "";
let store: EventStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-events-"));
  store = await openStore(join(folder, "events.db"));
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** A server of its own, with a state of its own, on a store that others may use. */
async function server(on: EventStore = store): Promise<ReturnType<typeof world>> {
  const state = await openServedState(on, { ...servedBundle, statistics: worldStatistics(features) });
  const health = createStoreHealth(() => {});
  const events: EventsSince = { state, historyLength: 3, ties: "exclude", health };
  return world({ events });
}

const send = (app: Hono, body: unknown): Promise<[number, Answer]> =>
  post(app, body, undefined, "/v1/events");

test("an event whose rating is beyond the data's scale is refused at its place, and none of its call is kept", async () => {
  const { app, info } = await server();
  Object.assign(info, { ratings: [1, 5] });
  const events = [
    { id: "a", user: "zoe", item: "1", rating: 5 },
    { id: "b", user: "zoe", item: "2", rating: 99 },
  ];
  const [status, problem] = await send(app, { events });
  expect([status, problem.code, problem.place]).toEqual([400, "record/rating", "events[1].rating"]);
  expect((await store.history("zoe", 5)).events).toEqual([]);
});

describe("POST /v1/events", () => {
  test("is in history and statistics of the very next score, on every server of the store and after a restart", async () => {
    const [one, other] = [await server(), await server()];
    const event = { id: "click", user: "ann", item: "2", rating: 5, time: 300 };
    expect(await send(one.app, event)).toEqual([200, { added: 1, repeated: 0 }]);
    expect(
      await send(other.app, { events: [event, { ...event, id: "next", rating: 1, time: 400 }] }),
    ).toEqual([200, { added: 1, repeated: 1 }]);
    for (const { app, toCrm } of [one, other, await server()]) {
      const [status, answer] = await post(app, { user: "ann", item: "2" });
      expect(status).toBe(200);
      expect(answer).not.toHaveProperty("coldStart");
      const [record] = toCrm.at(-1)!;
      expect(record).toMatchObject({
        history: [
          { item: "2", rating: 3, time: 200 },
          { item: "2", rating: 5, time: 300 },
          { item: "2", rating: 1, time: 400 },
        ],
        earlier: 1,
        userAttributes: { age: 30 },
        statistics: { item_last: 1, user_count: Math.fround(Math.log1p(4)) },
      });
      expect(record!.time).toBeCloseTo(Date.now() / 1000, -2);
      await post(app, { user: "ann", item: "2", time: 400 });
      expect(toCrm.at(-1)![0]!.history.at(-1)).toEqual({ item: "2", rating: 5, time: 300 });
    }
  });

  test("makes a user known, and an item with its attributes", async () => {
    const { app, toCrm } = await server();
    const asked = { samples: [{ user: "bob", item: "3" }, { item: "1" }] };
    expect((await post(app, asked))[1].predictions![0]).toMatchObject({ coldStart: true, unknownItem: true });
    const itemAttributes = { title: "Three" };
    await send(app, { user: "bob", item: "3", rating: 4, itemAttributes });
    const [, answer] = await post(app, asked);
    expect(answer.predictions![0]).not.toHaveProperty("coldStart");
    expect(answer.predictions![0]).not.toHaveProperty("unknownItem");
    expect(toCrm.at(-1)![0]).toMatchObject({ itemAttributes, history: [{ item: "3", rating: 4 }] });
  });

  test("takes the example that the OpenAPI document shows", async () => {
    const { app } = await server();
    const { paths } = (await (await app.request("/openapi.json")).json()) as OpenApiDocument;
    const { example } = paths["/v1/events"]!["post"]!.requestBody!.content["application/json"]!;
    expect(await send(app, example)).toEqual([200, { added: 1, repeated: 0 }]);
  });

  test("counts two events without an id twice", async () => {
    const { app } = await server();
    const event = { user: "eve", item: "1", rating: 2 };
    expect(await send(app, { events: [event, event] })).toEqual([200, { added: 2, repeated: 0 }]);
  });

  test.each([
    [{ user: "ann", item: "1" }, "serve/bad-field", "rating"],
    [{ events: [{ user: "ann", item: "1", rating: 1, itme: "2" }] }, "serve/unknown-field", "events[0].itme"],
    [
      { user: "ann", item: "1", rating: 1, context: { device: "tv" } },
      "serve/unknown-field",
      "context.device",
    ],
    [{ user: "ann", item: "a\u0000b", rating: 1 }, "store/bad-event", "events[0].item"],
    [{ user: "ann", item: "1", rating: 1, time: 4_000_000_000 }, "store/bad-event", "events[0].time"],
    [{ events: [] }, "serve/bad-field", "events"],
    [
      { events: Array.from({ length: 1001 }, () => ({ user: "ann", item: "1", rating: 1 })) },
      "serve/too-many-events",
      "events",
    ],
  ])("refuses %j", async (body, code, place) => {
    const { app } = await server();
    const [status, problem] = await send(app, body);
    expect([status, problem.code, problem.place]).toEqual([400, code, place]);
    expect(problem.remedy).toBeTruthy();
  });

  test("is refused by a server without a store", async () => {
    const [status, problem] = await send(world().app, { user: "ann", item: "1", rating: 1 });
    expect([status, problem.code]).toEqual([404, "serve/no-store"]);
  });

  test("answers 503 without internals while the store cannot be had", async () => {
    const gone = new CorellaError({
      code: "store/unavailable",
      message: "secret address",
      place: "redis://secret",
    });
    const refuse = (): Promise<never> => Promise.reject(gone);
    let isGone = false;
    const failing: EventStore = {
      ...store,
      append: (events) => (isGone ? refuse() : store.append(events)),
    };
    const { app, lines } = await server(failing);
    isGone = true;
    const event = { user: "ann", item: "1", rating: 1 };
    const [status, answer] = await send(app, event);
    expect([status, answer.code]).toEqual([503, "serve/store-down"]);
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(lines.filter((line) => line.includes("store/unavailable"))).toHaveLength(1);
  });
});
