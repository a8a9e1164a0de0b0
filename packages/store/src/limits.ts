import { CorellaError } from "@corella/errors";
import type { StoreLimits } from "./event-store.ts";

/**
 * Checks how many events of a history are asked for.
 * @throws CorellaError `store/long-history`
 */
export function checkCount(count: number, { userEvents }: StoreLimits): void {
  if (Number.isInteger(count) && count >= 0 && count <= userEvents) return;
  throw new CorellaError({
    code: "store/long-history",
    message: `${count} events of a user are asked for, the store keeps the newest ${userEvents}.`,
    place: "userEvents",
    remedy: "Open the store with a limit userEvents of at least the length of the histories.",
  });
}

/** Counts events that wait to be written, so that they are bounded. */
export interface WaitingEvents {
  /** @throws CorellaError `store/full` */
  hold<T>(events: number, write: () => Promise<T>): Promise<T>;
}

/** @param place names the store in errors */
export function waitingEvents({ waitingEvents: most }: StoreLimits, place: string): WaitingEvents {
  let waiting = 0;
  return {
    async hold(events, write) {
      if (waiting + events > most && waiting > 0) {
        throw new CorellaError({
          code: "store/full",
          message: `${waiting} events wait to be written, more are not taken.`,
          place,
          remedy: "Append them again in a moment.",
        });
      }
      waiting += events;
      try {
        return await write();
      } finally {
        waiting -= events;
      }
    },
  };
}
