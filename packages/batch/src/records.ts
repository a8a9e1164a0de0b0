import type { Histories } from "@corella/bundle";
import type { HistoryEvent, RatingRecord } from "@corella/modality";
import type { InputRow } from "./input/row.ts";

/** Users' events are kept for so many users: files are often in their order, or name few. */
const keptUsers = 10_000;

/**
 * Makes records of rows, as a server makes them of requests: histories and attributes of users are the bundle's, and only events strictly
 * before the row's time count.
 * @param now the time in seconds since 1970 of rows that have none
 */
export function recordMaker(histories: Histories, now: number): (row: InputRow) => RatingRecord {
  const known = new Map<string, readonly HistoryEvent[]>();
  const eventsOf = (user: string): readonly HistoryEvent[] => {
    let events = known.get(user);
    if (events === undefined) {
      if (known.size >= keptUsers) known.clear();
      known.set(user, (events = histories.of(user)));
    }
    return events;
  };
  return ({ user, item, time, context, userAttributes, itemAttributes }) => {
    const at = time ?? now;
    const events = user === null ? [] : eventsOf(user);
    const last = events.at(-1)?.time;
    // Mostly all: without a time of the row none is later than the bundle's last.
    const history =
      time === null || last === undefined || last < at
        ? events
        : events.filter((event) => event.time === undefined || event.time < at);
    const earlier = user === null ? 0 : histories.earlierOf(user);
    const attributes = userAttributes ?? (user === null ? undefined : histories.attributesOf(user));
    return {
      user,
      item: item!,
      history,
      time: at,
      ...(earlier > 0 && { earlier }),
      ...(attributes !== undefined && { userAttributes: attributes }),
      ...(itemAttributes !== undefined && { itemAttributes }),
      ...(context !== undefined && { context }),
    };
  };
}
