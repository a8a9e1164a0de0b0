import { CorellaError } from "@corella/errors";
import type { MiddlewareHandler } from "hono";

/** Turns of the event loop before requests are let in, at most, in which others may arrive. */
const arrivalTurns = 16;
/** What is let in at once: so many requests whose bodies have so many bytes together, and at least one. */
const atOnce = { requests: 16, bytes: 16_384 };

/**
 * Lets requests in a few at a time, large ones one by one, and refuses with `serve/busy` those that would wait too long. Where reading
 * requests and writing answers is what has too much to do, further ones would wait in the system's own queues, where nobody sees them: the
 * event loop takes about one connection in a turn, which lasts as long as the requests in it. So before any are let in the loop makes turns
 * until nothing new arrives, and what waits is known and refused at once, before its body is read.
 * @param options.longestWaitMs nothing that has waited longer is begun
 * @param options.alone paths of which a small request may be much work: those are let in one by one
 */
export function turnstile({
  longestWaitMs = 1000,
  alone = [],
}: { readonly longestWaitMs?: number; readonly alone?: readonly string[] } = {}): MiddlewareHandler {
  const waiting: { readonly sinceMs: number; readonly bytes: number; readonly enter: () => void }[] = [];
  let arrived = false;
  let turns = 0;
  let isTurning = false;

  const letIn = (): void => {
    let bytes = 0;
    for (let count = 0; count < atOnce.requests && waiting.length > 0; count += 1) {
      bytes += waiting[0]!.bytes;
      if (count > 0 && bytes > atOnce.bytes) return;
      waiting.shift()!.enter();
    }
  };

  const turn = (): void => {
    if (arrived && turns < arrivalTurns) {
      arrived = false;
      turns += 1;
    } else {
      turns = 0;
      letIn();
    }
    isTurning = waiting.length > 0;
    if (isTurning) setImmediate(turn);
  };

  return async (c, next) => {
    const sinceMs = performance.now();
    const longest = waiting[0] === undefined ? 0 : sinceMs - waiting[0].sinceMs;
    arrived = true;
    if (longest > longestWaitMs) throw busy();
    const told = alone.includes(c.req.path) ? undefined : c.req.header("content-length");
    const bytes = Number(told ?? atOnce.bytes);
    await new Promise<void>((enter) => {
      waiting.push({ sinceMs, bytes, enter });
      if (!isTurning) setImmediate(turn);
      isTurning = true;
    });
    if (performance.now() - sinceMs > longestWaitMs) throw busy();
    await next();
  };
}

function busy(): CorellaError {
  return new CorellaError({
    code: "serve/busy",
    message: "The server has more to do than it can.",
    remedy: "Try again after the time of the header retry-after.",
  });
}
