import { isIP } from "node:net";
import { CorellaError } from "@corella/errors";
import type { Context } from "hono";

/** The names by which a browser on this machine reaches a server that listens on it alone. */
export const loopbackNames: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Refuses a request whose `Host` is none of the server's names: a page somewhere in the net may make its own name point at this
 * machine (DNS rebinding), and its scripts would be let in as this server's own.
 * @param names in lower case, without ports
 * @throws CorellaError `serve/foreign-host`
 */
export function requireOwnHost(c: Context, names: readonly string[]): void {
  const host = c.req.header("host");
  // Browsers always send one.
  if (host === undefined || names.includes(nameOf(host))) return;
  throw new CorellaError({
    code: "serve/foreign-host",
    message: `This server does not answer as ${JSON.stringify(nameOf(host).slice(0, 100))}.`,
    place: "host",
    remedy: `Ask it as ${names.join(" or ")}, or start it with --allowed-hosts and this name.`,
  });
}

/** Whether a request names the server by an IP address. */
export function asksByAddress(c: Context): boolean {
  return isIP(nameOf(c.req.header("host") ?? "").replace(/^\[(.*)\]$/, "$1")) !== 0;
}

/**
 * Refuses what a page of another site sends to change something or to let it be computed: its scripts cannot read the answer, but would
 * have had the deed.
 * @param names of this server besides the request's own `Host`, where proxies change that
 * @throws CorellaError `serve/foreign-origin`
 */
export function requireOwnOrigin(c: Context, names: readonly string[]): void {
  if (c.req.method === "GET" || c.req.method === "HEAD") return;
  const site = c.req.header("sec-fetch-site");
  if (site === "same-origin" || site === "none") return;
  const origin = c.req.header("origin");
  if (site === undefined) {
    if (origin === undefined) return; // no browser
    const host = URL.canParse(origin) ? new URL(origin).host.toLowerCase() : undefined;
    if (host !== undefined && (host === c.req.header("host")?.toLowerCase() || names.includes(nameOf(host))))
      return;
  }
  throw new CorellaError({
    code: "serve/foreign-origin",
    message: "The request comes from a page of another site.",
    place: "origin",
    remedy: "Ask from a server, or from a page of this one.",
  });
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
}
