import type { EventStore } from "./event-store.ts";
import { openRedisStore, type RedisStoreOptions } from "./redis/redis-store.ts";
import { openSqliteStore } from "./sqlite/sqlite-store.ts";

/**
 * Opens the store at a place: a Redis or Valkey server by its URL, else a SQLite file.
 * @param place `redis://...`, `rediss://...`, or the path of a file
 * @throws CorellaError those of `openRedisStore` and `openSqliteStore`
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { openStore } from "@corella/store";
 *
 * const store = await openStore(join(await mkdtemp(join(tmpdir(), "example-")), "events.db"));
 * const click = { id: "click-1", user: "42", item: "i1", rating: 5, time: 1_700_000_000 };
 * console.log((await store.append([click])).added); // 1
 * console.log((await store.append([click])).added); // 0
 * await store.close();
 * ```
 */
export function openStore(place: string, options: RedisStoreOptions = {}): Promise<EventStore> {
  const { durable, ...limits } = options;
  return /^rediss?:\/\//.test(place)
    ? openRedisStore(place, { ...limits, durable })
    : openSqliteStore(place, limits);
}
