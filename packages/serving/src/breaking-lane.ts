import type { Lane } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import { isTimeout } from "./queue-errors.ts";

/** When a lane is taken for down. */
export interface BreakerOptions {
  /** Calls in a row that fail. Default 3. */
  readonly failures?: number | undefined;
  /** How long it is not asked then, before one call tries it. Default 5,000. */
  readonly openMs?: number | undefined;
}

/**
 * A circuit breaker before a lane, such as a server that may be down: after some failures in a row calls fail at once in place of
 * waiting for its time-out, until one that is let through succeeds. A call that its caller gives up tells nothing of the lane, unless its time was up.
 * @throws CorellaError from `score`: `serving/circuit-open`, and what the lane throws
 */
export function breakingLane(lane: Lane, { failures = 3, openMs = 5000 }: BreakerOptions = {}): Lane {
  let failed = 0;
  let last: unknown;
  let closedFromMs = 0;
  return {
    ...(lane.ended === undefined ? {} : { ended: lane.ended }),
    async score(records, signal) {
      if (failed >= failures) {
        const now = performance.now();
        if (now < closedFromMs) throw circuitOpen(last);
        // One call tries; the others wait for what it finds out.
        closedFromMs = now + openMs;
      }
      try {
        const scores = await lane.score(records, signal);
        failed = 0;
        return scores;
      } catch (error) {
        if (signal?.aborted === true && !isLate(signal.reason)) throw error;
        failed += 1;
        last = error;
        if (failed >= failures) closedFromMs = performance.now() + openMs;
        throw error;
      }
    },
    dispose: () => lane.dispose(),
  };
}

function isLate(reason: unknown): boolean {
  return CorellaError.isInstance(reason) ? reason.code === "serving/expired" : isTimeout(reason);
}

function circuitOpen(cause: unknown): CorellaError {
  return new CorellaError({
    code: "serving/circuit-open",
    message: "The model has failed repeatedly and is not asked for the moment.",
    remedy: "Try again in a few seconds; if it stays so, look at its server.",
    cause,
  });
}
