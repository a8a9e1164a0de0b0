import type { Histories } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import type { Catalogue, HistoryEvent, RatingRecord } from "@corella/modality";
import type { Sample } from "./score-request.ts";

/** A record that a model can score, and what could not be completed. */
export interface CompletedRecord {
  readonly record: RatingRecord;
  /** Neither the user nor any of their past is known. */
  readonly coldStart: boolean;
  /** The item is not in the catalogue, and the sample does not tell its attributes. */
  readonly unknownItem: boolean;
}

/**
 * What a sample leaves out comes from the bundle: a known user's latest events and attributes, and of events that it tells the
 * running statistics that the bundle keeps with them.
 * @throws CorellaError `serve/unknown-event` for an event that is missing among those, where the prompt says statistics of events
 */
export function completeRecord(sample: Sample, histories: Histories, catalogue: Catalogue): CompletedRecord {
  const user = sample.user ?? null;
  const known = user !== null && histories.has(user);
  const history =
    sample.history === undefined
      ? known
        ? eventsBefore(histories.of(user), sample.time)
        : []
      : known
        ? withKnownStatistics(oldestFirst(sample.history), histories.of(user))
        : oldestFirst(sample.history);
  const earlier = sample.history === undefined && known ? histories.earlierOf(user) : (sample.earlier ?? 0);
  const userAttributes = sample.userAttributes ?? (known ? histories.attributesOf(user) : undefined);
  return {
    record: {
      user,
      item: sample.item,
      history,
      ...(earlier === 0 ? {} : { earlier }),
      ...(userAttributes === undefined ? {} : { userAttributes }),
      ...(sample.itemAttributes === undefined ? {} : { itemAttributes: sample.itemAttributes }),
      ...(sample.context === undefined ? {} : { context: sample.context }),
      ...(sample.time === undefined ? {} : { time: sample.time }),
    },
    coldStart: !known && history.length === 0,
    unknownItem: sample.itemAttributes === undefined && !catalogue.has(sample.item),
  };
}

/** Events that a sample tells, with what is kept of those that the bundle has. @param stored oldest first */
function withKnownStatistics(
  events: readonly HistoryEvent[],
  stored: readonly HistoryEvent[],
): readonly HistoryEvent[] {
  const [first, last] = [stored[0], stored.at(-1)];
  if (first?.statistics === undefined) return events;
  const keyOf = ({ item, time }: HistoryEvent): string => JSON.stringify([item, time]);
  const known = new Map(stored.map((event) => [keyOf(event), event.statistics]));
  return events.map((event, i) => {
    const statistics = known.get(keyOf(event));
    if (statistics !== undefined) return { ...event, statistics };
    // Later ones were not counted; older ones than the bundle keeps are hardly told.
    const { time } = event;
    if (time !== undefined && (time > last!.time! || time < first.time!)) return event;
    throw new CorellaError({
      code: "serve/unknown-event",
      message: `The prompt says what was known before each event, and of the event of item "${event.item.slice(0, 100)}"${time === undefined ? " without a time" : ` at ${time}`} that is not known.`,
      place: `history[${i}]`,
      remedy:
        "Leave history out: the user's events are known. Or tell them with the items and times of the data, and later ones with their times.",
    });
  });
}

/** Strictly before, as in training: a question about the past must not see what came later. */
function eventsBefore(events: readonly HistoryEvent[], time: number | undefined): readonly HistoryEvent[] {
  return time === undefined
    ? events
    : events.filter((event) => event.time === undefined || event.time < time);
}

/** Events in the order of their times where every one has a time, otherwise as they came. */
function oldestFirst(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  return events.every((event) => event.time !== undefined)
    ? events.toSorted((a, b) => a.time! - b.time!)
    : events;
}
