import { CorellaError } from "@corella/errors";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { requirePlainBody } from "../security/content-encoding.ts";

/** Bytes that a request's body may have. */
export const maxBodyBytes = 1_048_576;

const countedBody = bodyLimit({ maxSize: maxBodyBytes, onError: refuse });

/**
 * Refuses bodies that are too large with `serve/too-large`. Node reads no more of a body than its length says; only one of unknown
 * length is counted, for which it has to become a stream.
 */
export const limitedBody: MiddlewareHandler = async (c, next) => {
  const length = c.req.header("content-length");
  if (length === undefined || c.req.header("transfer-encoding") !== undefined) return countedBody(c, next);
  return Number(length) > maxBodyBytes ? refuse() : next();
};

function refuse(): never {
  throw new CorellaError({
    code: "serve/too-large",
    message: `The body is larger than ${maxBodyBytes} bytes.`,
    remedy: "Send the samples in several requests.",
  });
}

/**
 * The body of a request that says it is JSON. Browsers send JSON across origins only after asking, which this server does not grant.
 * @throws CorellaError `serve/content-type`, `serve/content-encoding`
 */
export function jsonBody(c: Context): Promise<ArrayBuffer> {
  requirePlainBody(c);
  const type = c.req.header("content-type") ?? "";
  if (/^application\/json *(;|$)/i.test(type)) return c.req.arrayBuffer();
  throw new CorellaError({
    code: "serve/content-type",
    message: type === "" ? "The request has no content type." : `The content type is ${type.slice(0, 100)}.`,
    place: "content-type",
    remedy: "Send the header content-type: application/json.",
  });
}
