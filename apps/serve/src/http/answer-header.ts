import type { ServerResponse } from "node:http";
import type { Context } from "hono";

/**
 * Node's own response to a request, whose headers go out with the answer's: much cheaper than to put them into the answer, which
 * becomes a whole `Response` by it. Undefined where no server asks, as in tests.
 */
export function nodeResponse(c: Context): ServerResponse | undefined {
  return ((c.env ?? {}) as { outgoing?: ServerResponse | undefined }).outgoing;
}

/** Sets a header of an answer that is made already. */
export function setAnswerHeader(c: Context, name: string, value: string): void {
  const outgoing = nodeResponse(c);
  // Not by `c.header`, which makes a stream of the answer's text.
  if (outgoing === undefined) c.res.headers.set(name, value);
  else outgoing.setHeader(name, value);
}
