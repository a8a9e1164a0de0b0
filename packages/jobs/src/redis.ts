import { CorellaError } from "@corella/errors";
import { Redis } from "ioredis";

/** How long a server may take to answer at the start; later it is waited for without end. */
const startMs = 3000;

/**
 * A client for BullMQ: commands wait while the server is gone, and go out when it is back. A URL without a host names a Unix socket.
 * @throws CorellaError `jobs/no-redis` when nothing answers within 3 s, `jobs/redis-evicts` when the server drops keys for memory,
 * `jobs/url` for another protocol
 */
export async function connectRedis(url: string): Promise<Redis> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !["redis:", "rediss:"].includes(parsed.protocol)) throw notRedis(url);
  const options = {
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => Math.min(50 * 2 ** times, 2000),
  };
  const client =
    parsed.hostname === ""
      ? new Redis({ ...options, path: decodeURIComponent(parsed.pathname) })
      : new Redis(url, options);
  let last: Error | undefined;
  client.on("error", (error: Error) => (last = error));
  try {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unreachable(parsed, last)), startMs);
    });
    const policy = client.config("GET", "maxmemory-policy").catch((error: Error) => {
      // Managed servers refuse CONFIG; a wrong password is refused to every command.
      if (/NOAUTH|WRONGPASS/.test(error.message)) throw unreachable(parsed, error);
      return [];
    });
    const [, value] = (await Promise.race([policy, late]).finally(() => clearTimeout(timer))) as string[];
    if (value !== undefined && value !== "noeviction") throw evicts(parsed, value);
    return client;
  } catch (error) {
    client.disconnect();
    throw error;
  }
}

/** An address without what is secret in it. */
function shown({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

function notRedis(url: string): CorellaError {
  return new CorellaError({
    code: "jobs/url",
    message: "This is no address of a Redis server.",
    place: /:\/\/[^/]*@/.test(url) ? "redis://…@…" : url,
    remedy: "Write redis://host:6379/0, rediss:// for TLS, or redis:///path/of/a.sock.",
  });
}

function unreachable(url: URL, cause: Error | undefined): CorellaError {
  return new CorellaError({
    code: "jobs/no-redis",
    message: `No Redis server answers${cause === undefined ? ` within ${startMs / 1000} s` : `: ${cause.message}`}.`,
    place: shown(url),
    remedy: "Start one there (redis-server or valkey-server), or mend the address.",
    cause,
  });
}

function evicts(url: URL, policy: string): CorellaError {
  return new CorellaError({
    code: "jobs/redis-evicts",
    message: `The server drops keys when memory is short (maxmemory-policy ${policy}); a queue would lose units.`,
    place: shown(url),
    remedy: "Set maxmemory-policy noeviction there.",
  });
}
