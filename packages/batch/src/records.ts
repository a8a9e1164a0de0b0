import type { Bundle, Histories } from "@corella/bundle";
import type { HistoryEvent, RatingRecord } from "@corella/modality";
import type { InputRow } from "./input/row.ts";

/** Users' events are kept for so many users: files are often in their order, or name few. */
const keptUsers = 10_000;

/**
 * Makes records of rows, as a server makes them of requests: histories and attributes of users are the bundle's, and only events strictly
 * before the row's time count. Attributes of a row stand in the place of those of the same names.
 * @param now the time in seconds since 1970 of rows that have none
 */
export function recordMaker(
  histories: Histories,
  catalogue: Pick<Bundle["catalogue"], "has" | "attributesOf">,
  now: number,
): (row: InputRow) => RatingRecord {
  const known = new Map<string, readonly HistoryEvent[]>();
  const eventsOf = (user: string): readonly HistoryEvent[] => {
    let events = known.get(user);
    if (events === undefined) {
      if (known.size >= keptUsers) known.clear();
      known.set(user, (events = histories.of(user)));
    }
    return events;
  };
  const isUser = (id: string): boolean => eventsOf(id).length > 0 || histories.attributesOf(id) !== undefined;
  return ({ user: userText, item: itemText, time, context, userAttributes, itemAttributes }) => {
    const user = userText === null ? null : spelt(userText, isUser);
    const item = spelt(itemText!, (id) => catalogue.has(id));
    const at = time ?? now;
    const events = user === null ? [] : eventsOf(user);
    const last = events.at(-1)?.time;
    // Mostly all: without a time of the row none is later than the bundle's last.
    const history =
      time === null || last === undefined || last < at
        ? events
        : events.filter((event) => event.time === undefined || event.time < at);
    const earlier = user === null ? 0 : histories.earlierOf(user);
    const ofUser = user === null ? undefined : histories.attributesOf(user);
    const attributes = userAttributes === undefined ? ofUser : { ...ofUser, ...userAttributes };
    return {
      user,
      item,
      history,
      time: at,
      ...(earlier > 0 && { earlier }),
      ...(attributes !== undefined && { userAttributes: attributes }),
      ...(itemAttributes !== undefined && {
        itemAttributes: { ...catalogue.attributesOf(item), ...itemAttributes },
      }),
      ...(context !== undefined && { context }),
    };
  };
}

/** An id as the data spell it: without blanks at its ends and the `.0` that a missing value elsewhere makes pandas write. */
function spelt(id: string, isKnown: (id: string) => boolean): string {
  const trimmed = id.replace(/^[ \u00a0\ufeff]+|[ \u00a0\ufeff]+$/g, "");
  if (!/^-?\d+\.0*$/.test(trimmed) || isKnown(trimmed)) return trimmed;
  const whole = trimmed.replace(/\.0*$/, "");
  return isKnown(whole) ? whole : trimmed;
}
