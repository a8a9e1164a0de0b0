import type { Context, MiddlewareHandler } from "hono";
import { callerAddress } from "./address.ts";
import type { Keyring, RateLimit, Scope } from "./api-keys.ts";
import { authenticate } from "./authenticate.ts";
import { securityHeaders } from "./headers.ts";
import { asksByAddress, requireOwnHost, requireOwnOrigin } from "./own-site.ts";
import { createRateLimits } from "./rate-limits.ts";

/** Who may ask, and how much. */
export interface SecurityOptions {
  /** The keys of now; undefined: anybody may ask. */
  readonly keys?: (() => Keyring) | undefined;
  /** The names by which the server may be asked, in lower case without ports; undefined: any. */
  readonly hosts?: readonly string[] | undefined;
  /** Proxies that stand before the server and tell whom they ask for; see `callerAddress`. Default 0. */
  readonly trustedProxies?: number | undefined;
  /** Of each caller: a key, or without keys an address. Default: none. */
  readonly limit?: RateLimit | undefined;
  /** URL of the Redis server in which several servers count together. */
  readonly redis?: string | undefined;
}

/** What stands before the endpoints. */
export interface Security {
  /** Before all: headers of answers, and whether the request is for this server and from no page of another. */
  readonly site: MiddlewareHandler;
  /** Before an endpoint: whether the caller may ask for it, and has not asked for too much. `none`: anybody may, at any rate. */
  guard(scope: Scope | "none"): MiddlewareHandler;
  close(): void;
}

const guardedOf = "corella.guarded";
const takeSamplesOf = "corella.takeSamples";
const keyNameOf = "corella.keyName";

/** Makes what stands before the endpoints. */
export function createSecurity(options: SecurityOptions = {}): Security {
  const { keys, hosts, trustedProxies = 0, limit = {} } = options;
  const rates = createRateLimits(options.redis);
  const identify = async (c: Context, scope: Scope): Promise<{ caller: string; limit: RateLimit }> => {
    if (keys === undefined) return { caller: `address:${callerAddress(c, trustedProxies)}`, limit };
    try {
      const key = authenticate(c, keys(), scope);
      c.set(keyNameOf, key.name);
      return { caller: `key:${key.name}`, limit: { ...limit, ...key.limit } };
    } catch (error) {
      // Guessing is limited too.
      const caller = `address:${callerAddress(c, trustedProxies)}`;
      await rates.take(c, { caller, counted: "requests", count: 1, rate: limit.requests });
      throw error;
    }
  };
  return {
    async site(c, next) {
      return securityHeaders(c, async () => {
        // Who watches a pod or container asks by its address, which nobody knows beforehand and no name can be made to point at.
        if (hosts !== undefined && !(isHealth(c.req.path) && asksByAddress(c))) requireOwnHost(c, hosts);
        requireOwnOrigin(c, hosts ?? []);
        await next();
      });
    },
    guard(scope) {
      return async (c, next) => {
        // The first endpoint whose path fits is the one that answers.
        if (c.get(guardedOf) === true) return next();
        c.set(guardedOf, true);
        if (scope === "none") return next();
        const { caller, limit: own } = await identify(c, scope);
        await rates.take(c, { caller, counted: "requests", count: 1, rate: own.requests });
        c.set(takeSamplesOf, (count: number) =>
          rates.take(c, { caller, counted: "samples", count, rate: own.samples }),
        );
        await next();
      };
    },
    close: () => rates.close(),
  };
}

/** Paths that tell nothing but whether the server answers. */
function isHealth(path: string): boolean {
  return path.startsWith("/health/") || path.startsWith("/v2/health/");
}

/**
 * Counts the samples or events of a request against its caller's rate, before they are worked on.
 * @throws CorellaError `serve/rate-limited`
 */
export async function takeSamples(c: Context, count: number): Promise<void> {
  await (c.get(takeSamplesOf) as ((count: number) => Promise<void>) | undefined)?.(count);
}

/** The name of the key that a request showed. */
export function keyNameOfRequest(c: Context): string | undefined {
  return c.get(keyNameOf) as string | undefined;
}
