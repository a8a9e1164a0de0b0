import { Redis, type RedisOptions } from "ioredis";

/**
 * A client of the Redis (Valkey) server of a URL, as everything here that talks to one has it: a URL without a host names a Unix
 * socket, and a server that is gone is looked for again, after at most 2 s each, until the client is closed. Calls fail meanwhile;
 * the client itself throws nothing.
 */
export function createRedisClient(url: string, options: RedisOptions): Redis {
  const all: RedisOptions = { retryStrategy: (times) => Math.min(50 * 2 ** times, 2000), ...options };
  const { hostname, pathname } = new URL(url);
  const client =
    hostname === "" ? new Redis({ ...all, path: decodeURIComponent(pathname) }) : new Redis(url, all);
  client.on("error", () => {}); // every call that needs the server rejects by itself
  return client;
}
