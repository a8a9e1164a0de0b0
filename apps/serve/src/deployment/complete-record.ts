import type { Histories } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import type { Catalogue, HistoryEvent, RatingRecord } from "@corella/modality";
import type { ServedState, UserHistory } from "@corella/store";
import type { Sample } from "./sample.ts";
import type { StoreHealth } from "./store-health.ts";

/** The events since the bundle's log ended. */
export interface EventsSince {
  readonly state: ServedState;
  /** How many events before a sample the models look at. */
  readonly historyLength: number;
  /** Which events of a sample's own time are before it. */
  readonly ties: "exclude" | "order";
  /** Whether the store answers; scores do without it while it does not. */
  readonly health: StoreHealth;
}

/** Where samples are completed from. */
export interface KnownOfUsers {
  readonly histories: Histories;
  readonly catalogue: Catalogue;
  /** Which events of a sample's own time are before it. Default `exclude`. */
  readonly ties?: "exclude" | "order" | undefined;
  /** undefined: what the bundle holds is all. */
  readonly events?: EventsSince | undefined;
}

/** A record that a model can score, and what could not be completed. */
export interface CompletedRecord {
  readonly record: RatingRecord;
  /** Neither the user nor any of their past is known. */
  readonly coldStart: boolean;
  /** Nobody has told the attributes of the item. */
  readonly unknownItem: boolean;
  /** The store did not answer: what it knows since the bundle's log ended is missing. */
  readonly storeDown: boolean;
}

/**
 * What samples leave out comes from the bundle and the events since: a known user's latest events and attributes, the running
 * statistics of now, and of events that a sample tells those that the bundle keeps with them. While the store of events does not answer,
 * histories are the bundle's own, and statistics those of the last time that it did.
 * @throws CorellaError `serve/unknown-event` for an event that is missing among those, where the prompt says statistics of events
 */
export async function completeRecords(
  samples: readonly Sample[],
  known: KnownOfUsers,
): Promise<CompletedRecord[]> {
  const { histories, catalogue, events } = known;
  const answered = await events?.health.ask(async () => {
    const records = await recordsOf(samples, known);
    return events.state.complete(records);
  });
  const storeDown = events !== undefined && answered === undefined;
  const own = async (): Promise<RatingRecord[]> => {
    const records = await recordsOf(samples, { ...known, events: undefined });
    return events?.state.completeFromMemory(records) ?? records;
  };
  return (answered ?? (await own())).map((record) => {
    const { user, item, history, itemAttributes } = record;
    const isKnown = user !== null && histories.has(user);
    return {
      record,
      coldStart: !isKnown && history.length === 0,
      unknownItem: itemAttributes === undefined && !catalogue.has(item),
      storeDown,
    };
  });
}

/** Samples as records, with the histories of their users. */
async function recordsOf(
  samples: readonly Sample[],
  known: Omit<KnownOfUsers, "catalogue">,
): Promise<RatingRecord[]> {
  const { histories } = known;
  const stored = historyReader(known);
  const toldEvents = toldHistories(histories);
  return Promise.all(
    samples.map(async (sample): Promise<RatingRecord> => {
      const user = sample.user ?? null;
      const told = sample.history && {
        events: toldEvents(sample.history, user),
        earlier: sample.earlier ?? 0,
      };
      const { events: history, earlier } = told ?? (await stored(user, sample.time));
      const userAttributes =
        sample.userAttributes ??
        (user !== null && histories.has(user) ? histories.attributesOf(user) : undefined);
      return {
        user,
        item: sample.item,
        history,
        ...(earlier === 0 ? {} : { earlier }),
        ...(userAttributes === undefined ? {} : { userAttributes }),
        ...(sample.itemAttributes === undefined ? {} : { itemAttributes: sample.itemAttributes }),
        ...(sample.context === undefined ? {} : { context: sample.context }),
        ...(sample.time === undefined ? {} : { time: sample.time }),
      };
    }),
  );
}

/** Reads the histories of users, each once: many samples of a request are one user's. */
function historyReader({
  histories,
  ties,
  events,
}: Omit<KnownOfUsers, "catalogue">): (user: string | null, time: number | undefined) => Promise<UserHistory> {
  const read = async (user: string, time: number | undefined): Promise<UserHistory> => {
    if (events !== undefined) {
      const { state, historyLength } = events;
      return state.history(user, historyLength, time === undefined ? undefined : { time, ties: events.ties });
    }
    return histories.has(user)
      ? { events: eventsBefore(histories.of(user), time, ties), earlier: histories.earlierOf(user) }
      : { events: [], earlier: 0 };
  };
  const found = new Map<string, Promise<UserHistory>>();
  return async (user, time) => {
    if (user === null) return { events: [], earlier: 0 };
    const key = `${time ?? ""} ${user}`;
    let reading = found.get(key);
    if (reading === undefined) found.set(key, (reading = read(user, time)));
    return reading;
  };
}

/** Completes histories that samples tell, each once: many samples of a request may tell the same. */
function toldHistories(
  histories: Histories,
): (history: readonly HistoryEvent[], user: string | null) => readonly HistoryEvent[] {
  const completed = new Map<
    readonly HistoryEvent[],
    { readonly user: string | null; readonly events: readonly HistoryEvent[] }
  >();
  return (history, user) => {
    const found = completed.get(history);
    if (found?.user === user) return found.events;
    const events = withKnownStatistics(oldestFirst(history), user, histories);
    completed.set(history, { user, events });
    return events;
  };
}

/** Events that a sample tells, with what is kept of those that the bundle has. */
function withKnownStatistics(
  events: readonly HistoryEvent[],
  user: string | null,
  histories: Histories,
): readonly HistoryEvent[] {
  if (!histories.keepsStatistics || user === null || !histories.has(user)) return events;
  const stored = histories.of(user);
  const [first, last] = [stored[0], stored.at(-1)];
  if (first === undefined) return events;
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

/** As in training: a question about the past must not see what came later. */
function eventsBefore(
  events: readonly HistoryEvent[],
  time: number | undefined,
  ties: KnownOfUsers["ties"],
): readonly HistoryEvent[] {
  if (time === undefined) return events;
  return events.filter(
    (event) => event.time === undefined || event.time < time || (ties === "order" && event.time === time),
  );
}

/** Events in the order of their times where every one has a time, otherwise as they came. */
function oldestFirst(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  return events.every((event) => event.time !== undefined)
    ? events.toSorted((a, b) => a.time! - b.time!)
    : events;
}
