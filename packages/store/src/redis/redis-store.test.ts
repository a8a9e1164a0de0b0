import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testStore } from "../contract.test-helper.ts";
import { event } from "../events.test-helper.ts";
import { openStore } from "../open-store.ts";
import { noRedis, redisServer, type TestServer } from "./redis-server.test-helper.ts";
import { openRedisStore } from "./redis-store.ts";

describe("a store on a Redis server", () => {
  testStore(noRedis, async () => {
    const server = await redisServer();
    await server.start();
    const client = new Redis(server.url.replace("redis://", ""));
    return {
      open: (limits) => openRedisStore(server.url, limits),
      clear: async () => void (await client.flushall()),
      async remove() {
        client.disconnect();
        await server.remove();
      },
    };
  });
});

describe("a Redis server", () => {
  let server: TestServer;
  beforeAll(async () => {
    if (noRedis !== undefined) return;
    server = await redisServer();
    await server.start();
  });
  afterAll(() => server?.remove());

  test("that is killed has lost nothing that it acknowledged, and the store finds it again", async ({
    skip,
  }) => {
    if (noRedis !== undefined) skip(noRedis);
    const store = await openStore(server.url);
    await store.append([event({ id: "a" })]);
    await server.stop("SIGKILL");
    await expect(store.append([event({ id: "b" })])).rejects.toMatchObject({
      code: "store/unavailable",
      place: expect.stringContaining("redis.sock"),
    });
    await server.start();
    await expect.poll(() => store.append([event({ id: "b" })]).catch(() => undefined)).toBeDefined();
    expect((await store.eventsAfter(0, 5)).map(({ id }) => id)).toEqual(["a", "b"]);
    await store.close();
  });

  test("of another schema, or that is not there, is refused", async ({ skip }) => {
    if (noRedis !== undefined) skip(noRedis);
    const client = new Redis(server.url.replace("redis://", ""));
    await client.set("corella:schema", "2");
    await expect(openStore(server.url)).rejects.toMatchObject({ code: "store/schema" });
    await client.flushall();
    client.disconnect();
    const secret = "redis://ann:secret@127.0.0.1:1/0";
    const error = await openStore(secret).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "store/unavailable", place: "redis://127.0.0.1:1/0" });
  });

  test("that acknowledges before it has written, or deletes what it was given, is refused", async ({
    skip,
  }) => {
    if (noRedis !== undefined) skip(noRedis);
    const cache = await redisServer(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    await cache.start();
    await expect(openStore(cache.url)).rejects.toMatchObject({ code: "store/not-durable" });
    await expect(openStore(cache.url, { durable: false })).rejects.toMatchObject({
      code: "store/evicting",
    });
    await cache.remove();
    const fast = await redisServer(["--appendonly", "yes", "--appendfsync", "everysec"]);
    await fast.start();
    await expect(openStore(fast.url)).rejects.toMatchObject({ code: "store/not-durable" });
    const accepted = await openStore(fast.url, { durable: false });
    expect(await accepted.append([event({ id: "a" })])).toMatchObject({ added: 1 });
    await accepted.close();
    await fast.remove();
  });
});
