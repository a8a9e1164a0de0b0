import type { EventStore } from "./event-store.ts";
import { event } from "./events.test-helper.ts";

/** Appends events, eight calls at once, some of several events and with repeats, until a call of each writer has failed. */
export async function writeUntilItFails(
  store: EventStore,
  prefix: string,
  acknowledge: (ids: readonly string[]) => void,
): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    for (;;) {
      const events = Array.from({ length: 1 + (next % 3) }, () => {
        next += 1;
        return event({ id: `${prefix}-${next}`, user: `u${next % 5}`, time: 1000 + next });
      });
      try {
        await store.append(next % 7 === 0 ? [...events, events[0]!] : events);
      } catch {
        return;
      }
      acknowledge(events.map(({ id }) => id));
    }
  };
  await Promise.all(Array.from({ length: 8 }, write));
}
