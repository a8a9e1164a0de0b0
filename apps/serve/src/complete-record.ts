import type { Histories } from "@corella/bundle";
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

/** What a sample leaves out comes from the bundle: a known user's latest events and attributes. */
export function completeRecord(sample: Sample, histories: Histories, catalogue: Catalogue): CompletedRecord {
  const user = sample.user ?? null;
  const known = user !== null && histories.has(user);
  const history =
    sample.history === undefined
      ? known
        ? eventsBefore(histories.of(user), sample.time)
        : []
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
