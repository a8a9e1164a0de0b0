/** Moments of `performance.now()` at which things end, with one timer for all. */
export interface Deadlines<Thing> {
  add(thing: Thing, deadlineMs: number): void;
  remove(thing: Thing): void;
}

/**
 * Watches deadlines. Most things are done long before theirs: a timer for each would be set and cleared in vain, so one is set for
 * the earliest, and when it fires the next one is looked for.
 * @param onExpired may remove things
 */
export function createDeadlines<Thing>(onExpired: (thing: Thing) => void): Deadlines<Thing> {
  const moments = new Map<Thing, number>();
  let timer: NodeJS.Timeout | undefined;
  let timerMs = Infinity;
  const arm = (deadlineMs: number): void => {
    if (deadlineMs >= timerMs) return;
    clearTimeout(timer);
    timerMs = deadlineMs;
    // Timers round down to whole milliseconds.
    timer = setTimeout(expire, Math.min(2 ** 31 - 1, Math.ceil(deadlineMs - performance.now())));
    timer.unref();
  };
  const expire = (): void => {
    timerMs = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const [thing, deadlineMs] of moments) {
      if (deadlineMs > now) next = Math.min(next, deadlineMs);
      else {
        moments.delete(thing);
        onExpired(thing);
      }
    }
    if (next < Infinity) arm(next);
  };
  return {
    add(thing, deadlineMs) {
      moments.set(thing, deadlineMs);
      arm(deadlineMs);
    },
    remove: (thing) => void moments.delete(thing),
  };
}
