import type { Context } from "hono";
import { isIPv6 } from "node:net";

/** Whether only this machine can reach what listens at an address. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return bare === "localhost" || bare === "::1" || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(bare);
}

/**
 * Who is limited: the address that a request comes from, or of IPv6 its network of 64 bits, which one caller has to itself.
 * @param trustedProxies how many proxies stand before the server. Each adds the address that it saw to `x-forwarded-for`, so the caller is that
 * many entries from its end; what stands before was written by whomever. 0: the header is not read.
 */
export function callerAddress(c: Context, trustedProxies: number): string {
  const forwarded = trustedProxies === 0 ? undefined : c.req.header("x-forwarded-for");
  const list = forwarded?.split(",").map((address) => address.trim()) ?? [];
  const told = list[Math.max(0, list.length - trustedProxies)];
  return networkOf(told === undefined || told === "" ? peerAddress(c) : told.slice(0, 64));
}

/** Of the connection itself; a request that came without one, as in a test, has none. */
function peerAddress(c: Context): string {
  const { incoming } = (c.env ?? {}) as {
    incoming?: { socket?: { remoteAddress?: string | undefined } | undefined };
  };
  return incoming?.socket?.remoteAddress ?? "unknown";
}

function networkOf(address: string): string {
  // Some proxies add the port.
  const bare = /^(\d+(?:\.\d+){3}):\d+$|^\[(.*)\](?::\d+)?$/.exec(address);
  if (bare !== null) return networkOf(bare[1] ?? bare[2]!);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("%", 1)[0]!.toLowerCase().split("::") as [string?, string?];
  const groups = (part: string | undefined): string[] =>
    part === undefined || part === "" ? [] : part.split(":");
  const before = groups(head);
  const after = groups(tail);
  const all =
    tail === undefined
      ? before
      : [
          ...before,
          ...Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0"),
          ...after,
        ];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
