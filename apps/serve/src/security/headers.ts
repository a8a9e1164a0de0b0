import type { MiddlewareHandler } from "hono";
import { nodeResponse } from "../http/answer-header.ts";

/** What a browser may do with an answer that is data: nothing. */
const dataCsp = "default-src 'none'; frame-ancestors 'none'";

/** For pages of this server: what they load comes from here, and no script or style stands in the page itself. */
export const pageCsp =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/** Of every answer; an endpoint that sets one of these itself, such as a page, is left its own. */
const headers: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "content-security-policy": dataCsp,
  // Answers are about people, and old a moment later.
  "cache-control": "no-store",
};
const entries = Object.entries(headers);

/** Sets the headers that tell browsers to do no more with answers than they have to. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  const outgoing = nodeResponse(c);
  if (outgoing !== undefined) {
    // Those of the endpoint's answer take the place of Node's own.
    for (const [name, value] of entries) outgoing.setHeader(name, value);
    return next();
  }
  // Before, since an answer that has begun would be copied for them.
  for (const [name, value] of entries) c.header(name, value);
  await next();
  // An answer that was made without the context has none of them.
  if (c.res.headers.has("x-content-type-options")) return;
  for (const [name, value] of entries) if (!c.res.headers.has(name)) c.header(name, value);
};
