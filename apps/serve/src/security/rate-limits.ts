import { CorellaError } from "@corella/errors";
import { createRedisClient } from "@corella/store";
import type { Context } from "hono";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { RateLimit } from "./api-keys.ts";

/** What is counted. */
type Counted = keyof RateLimit;

/** Counts what callers ask for, and refuses what is beyond their rates. */
export interface RateLimits {
  /**
   * Counts some more of a caller's, and tells in headers of the answer what is left.
   * @param rate a second; undefined: unlimited
   * @throws CorellaError `serve/rate-limited`, after the header `retry-after` was set
   */
  take(
    c: Context,
    asked: {
      readonly caller: string;
      readonly counted: Counted;
      readonly count: number;
      readonly rate: number | undefined;
    },
  ): Promise<void>;
  close(): void;
}

/**
 * Makes counters in this process, or in a Redis server for all servers together.
 * @param redis its URL; while it does not answer, each server counts for itself
 */
export function createRateLimits(redis?: string): RateLimits {
  const client =
    redis === undefined
      ? undefined
      : createRedisClient(redis, {
          // A request waits no longer than this for its count, and then is counted here.
          commandTimeout: 250,
          maxRetriesPerRequest: 0,
          enableOfflineQueue: false,
        });
  const limiters = new Map<string, RateLimiterMemory | RateLimiterRedis>();
  const limiter = (counted: Counted, { points, duration }: Window): RateLimiterMemory | RateLimiterRedis => {
    const keyPrefix = `corella:limit:${counted}:${points}:${duration}`;
    let found = limiters.get(keyPrefix);
    if (found === undefined) {
      const inMemory = new RateLimiterMemory({ keyPrefix, points, duration });
      found =
        client === undefined
          ? inMemory
          : new RateLimiterRedis({
              keyPrefix,
              points,
              duration,
              storeClient: client,
              rejectIfRedisNotReady: true,
              insuranceLimiter: inMemory,
            });
      limiters.set(keyPrefix, found);
    }
    return found;
  };
  return {
    async take(c, { caller, counted, count, rate }) {
      if (rate === undefined) return;
      const window = windowOf(counted, rate);
      const { points, duration } = window;
      // What is larger than a window's budget takes all of one.
      const taken = await limiter(counted, window)
        .consume(caller, Math.min(count, points))
        .catch((refused: unknown) => {
          if (refused instanceof RateLimiterRes) return refused;
          throw refused;
        });
      const seconds = Math.max(1, Math.ceil(taken.msBeforeNext / 1000));
      // draft-ietf-httpapi-ratelimit-headers-10
      c.header("ratelimit-policy", `"${counted}";q=${points};w=${duration}`, { append: true });
      c.header("ratelimit", `"${counted}";r=${taken.remainingPoints};t=${seconds}`, { append: true });
      if (taken.consumedPoints <= points) return;
      c.header("retry-after", String(seconds));
      throw new CorellaError({
        code: "serve/rate-limited",
        message: `More than ${points} ${counted} in ${duration === 1 ? "a second" : `${duration} seconds`}.`,
        remedy: `Ask again in ${seconds} s.`,
      });
    },
    close: () => client?.disconnect(),
  };
}

interface Window {
  /** Of a whole window. */
  readonly points: number;
  /** Whole seconds. */
  readonly duration: number;
}

/** Low rates, and samples, of which a request has many at once, are counted over a longer time. */
function windowOf(counted: Counted, rate: number): Window {
  const duration = counted === "requests" && rate >= 10 ? 1 : Math.max(10, Math.ceil(1 / rate));
  return { points: Math.max(1, Math.round(rate * duration)), duration };
}
