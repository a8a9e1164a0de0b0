import { CorellaError } from "@corella/errors";
import type { Context } from "hono";

/**
 * Refuses a body that is compressed: a few bytes could become as many as one likes, and a request is small as it is. Sets
 * `accept-encoding` for whoever asks again.
 * @throws CorellaError `serve/content-encoding`
 */
export function requirePlainBody(c: Context): void {
  const encoding = c.req.header("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  c.header("accept-encoding", "identity"); // RFC 9110, section 12.5.3
  throw new CorellaError({
    code: "serve/content-encoding",
    message: `The body is encoded as ${JSON.stringify(encoding.slice(0, 100))}.`,
    place: "content-encoding",
    remedy: "Send it as it is, without compression.",
  });
}
