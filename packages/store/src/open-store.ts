import type { EventStore } from "./event-store.ts";
import { openRedisStore, type RedisStoreOptions } from "./redis/redis-store.ts";
import { openSqliteStore } from "./sqlite/sqlite-store.ts";

/**
 * Opens the store at a place: a Redis or Valkey server by its URL, else a SQLite file.
 * @param place `redis://...`, `rediss://...`, or the path of a file
 * @throws CorellaError those of `openRedisStore` and `openSqliteStore`
 */
export function openStore(place: string, options: RedisStoreOptions = {}): Promise<EventStore> {
  const { durable, ...limits } = options;
  return /^rediss?:\/\//.test(place)
    ? openRedisStore(place, { ...limits, durable })
    : openSqliteStore(place, limits);
}
