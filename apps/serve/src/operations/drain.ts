import { setTimeout as sleep } from "node:timers/promises";

/** Whether a server is about to stop: it still answers, but is not ready for more. */
export interface Drain {
  readonly begun: boolean;
  begin(): void;
}

/** A server that is not about to stop yet. */
export function createDrain(): Drain {
  let begun = false;
  return {
    get begun() {
      return begun;
    },
    begin() {
      begun = true;
    },
  };
}

/** What is stopped, and how patiently. */
export interface Stopping {
  readonly drain: Drain;
  /** Answers go on for so long after readiness says no: as long as balancers need to hear of it. */
  readonly delayMs: number;
  /** Takes no more connections, and waits for running requests up to a limit. */
  readonly server: { close(graceMs: number): Promise<void> };
  readonly graceMs: number;
  /** What requests need, closed one after the other once none runs. */
  readonly afterwards: readonly (() => Promise<void>)[];
  /** Hears why one could not be closed; the others are. */
  readonly onFailed?: ((error: unknown) => void) | undefined;
}

/**
 * Stops a server so that nobody notices: not ready, answers that end their connections, no more connections, the end of running
 * requests, and only then what they need.
 */
export async function stopInOrder({
  drain,
  delayMs,
  server,
  graceMs,
  afterwards,
  onFailed = () => {},
}: Stopping): Promise<void> {
  drain.begin();
  await sleep(delayMs);
  await server.close(graceMs);
  for (const close of afterwards) await close().catch(onFailed);
}
