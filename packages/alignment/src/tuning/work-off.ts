import { setTimeout as delay } from "node:timers/promises";
import { CorellaError } from "@corella/errors";

/** Workers may come and go: how often that is looked at. */
const slotsEveryMs = 2000;

/**
 * Has work done, as much at once as there are slots, until there is none left and all of it has ended.
 * @param next gives work; undefined when there is none before other work has ended
 * @throws the first error, once the rest has ended; CorellaError `train/interrupted`
 */
export async function workOff(
  { slots, signal }: { slots(): number; readonly signal?: AbortSignal | undefined },
  next: () => Promise<((signal: AbortSignal) => Promise<void>) | undefined>,
): Promise<void> {
  const failing = new AbortController();
  const ends = AbortSignal.any([failing.signal, ...(signal === undefined ? [] : [signal])]);
  const failures: unknown[] = [];
  const running = new Set<Promise<void>>();
  const fail = (error: unknown): undefined => {
    failures.push(error);
    failing.abort();
    return undefined;
  };
  const begin = (work: (signal: AbortSignal) => Promise<void>): void => {
    const done = work(ends)
      .catch(fail)
      .finally(() => running.delete(done));
    running.add(done);
  };
  for (;;) {
    while (!ends.aborted && running.size < slots()) {
      const work = await next().catch(fail);
      if (work === undefined) break;
      begin(work);
    }
    if (running.size === 0) break;
    const waking = new AbortController();
    const wake = delay(slotsEveryMs, undefined, { signal: waking.signal }).catch(() => {});
    await Promise.race([...running, wake]);
    waking.abort();
  }
  if (signal?.aborted === true)
    throw new CorellaError({
      code: "train/interrupted",
      message: "The search was interrupted.",
    });
  if (failures.length > 0) throw failures[0];
}
