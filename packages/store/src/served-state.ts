import {
  type Attributes,
  type Catalogue,
  decimalRating,
  type HistoryEvent,
  isLiked,
  type RatingRecord,
  type RunningStatistics,
  statisticsOfRecord,
} from "@corella/modality";
import { storeClosed } from "./errors.ts";
import type { Appended, EventStore, HistoryEnd, UserHistory } from "./event-store.ts";
import { badEvent, type LoggedEvent, type StoreEvent } from "./event.ts";
import { statisticsFromBytes, statisticsToBytes } from "./snapshot-data.ts";
import { compareKeys, tieKey } from "./tie-key.ts";

/** What a bundle knows by itself, up to the end of the log that it was made of. */
export interface ServedBundle {
  /** Tells a bundle and its version from all others, such as the hash of its manifest. */
  readonly version: string;
  readonly histories: {
    /** Time of the latest event of all, in seconds since 1970; -Infinity without one. */
    readonly latest: number;
    /** Oldest first. */
    of(user: string): readonly HistoryEvent[];
    earlierOf(user: string): number;
    attributesOf(user: string): Attributes | undefined;
  };
  readonly catalogue: Catalogue;
  /** Which events of a sample's own time are before it. */
  readonly ties: "exclude" | "order";
  /** Events without a label are positive from this rating on. */
  readonly likedThreshold: number;
  /** What was counted at the end of the log; this state goes on with it, and nobody else may. Undefined where no model reads any. */
  readonly statistics?: RunningStatistics | undefined;
}

/** How a state is kept. */
export interface ServedStateOptions {
  /** Events between snapshots of what was counted: at most so many are counted again after a restart. Default 10,000. */
  readonly snapshotEvery?: number | undefined;
  /** The clock, in seconds since 1970. Default: the system's. */
  readonly now?: (() => number) | undefined;
  /** How far an event's time may lie ahead of the clock, in seconds. Default 60. */
  readonly maxAheadSeconds?: number | undefined;
  /** Hears of a snapshot that could not be kept: a restart counts again what it would have held. */
  readonly onSnapshotError?: ((error: unknown) => void) | undefined;
}

/** An event whose time may be left out: now. */
export type NewEvent = Omit<StoreEvent, "time"> & { readonly time?: number | undefined };

/** A served bundle with the events since: histories and running statistics that go on. */
export interface ServedState {
  /** Every event of the store up to here is counted. */
  readonly position: number;
  /** Events that were trimmed before they could be counted: the bundle was not served for too long. Statistics lack them. */
  readonly missed: number;
  /**
   * Appends events, and counts them: resolves after they are durable, and `complete` knows them.
   * @throws CorellaError those of `EventStore.append`; `store/bad-event` for a time that has not come
   */
  append(events: readonly NewEvent[]): Promise<Appended>;
  /** Counts what was appended since, by whomever. Resolves when everything is counted whose `append` had resolved before this call. */
  update(): Promise<void>;
  /** A user's newest events, of the bundle's log and of the store, in the order of (time, item). */
  history(user: string, count: number, before?: HistoryEnd): Promise<UserHistory>;
  /**
   * Samples that models score: without a time as of now, after all events so far; with the attributes of items that events
   * brought; and with their running statistics, so that no model counts by itself. A history that a record tells is its own.
   */
  complete(records: readonly RatingRecord[]): Promise<RatingRecord[]>;
  /**
   * Completes samples as `complete` does, without asking the store: for when it does not answer. What was appended since the last
   * update is not counted, and attributes of items are the bundle's alone.
   */
  completeFromMemory(records: readonly RatingRecord[]): RatingRecord[];
  /** Waits until nothing is counted or kept any more: nothing is lost with it. The store stays open. */
  close(): Promise<void>;
}

/** Events that are read from the store at once. */
const readAtOnce = 1000;
/** The least that lies between two events in time. */
const instantSeconds = 0.001;

/**
 * Opens the state of a bundle: its running statistics go on from the newest snapshot, or from the bundle's own state, with the
 * events since.
 * @throws CorellaError those of the store; `features/bad-statistics` for a snapshot of other statistics
 */
export async function openServedState(
  store: EventStore,
  bundle: ServedBundle,
  options: ServedStateOptions = {},
): Promise<ServedState> {
  const { version, histories, catalogue, ties, likedThreshold } = bundle;
  const { snapshotEvery = 10_000, now = () => Date.now() / 1000, maxAheadSeconds = 60 } = options;
  const attachment = await store.attach(version, histories.latest);
  const kept = bundle.statistics === undefined ? undefined : await store.snapshot(version);
  const statistics =
    kept === undefined
      ? bundle.statistics
      : statisticsFromBytes(bundle.statistics!.plan, kept.data, `the snapshot of bundle ${version}`);
  // Where nothing is counted, what was appended before tells nothing.
  let position = statistics === undefined ? attachment.head : (kept?.position ?? 0);
  let snapshotAt = position;
  let latest = Math.max(histories.latest, statistics?.counted().latest ?? Number.NEGATIVE_INFINITY);
  let latestCounted = Number.NEGATIVE_INFINITY;
  let saving: Promise<void> | undefined;
  let closed = false;

  const isBundles = (event: LoggedEvent): boolean =>
    event.position <= attachment.since && event.time <= attachment.until;
  const keepSnapshot = (counted: RunningStatistics): void => {
    snapshotAt = position;
    const data = statisticsToBytes(counted);
    const at = position;
    saving = store
      .saveSnapshot(version, { position: at, data })
      .catch((error: unknown) => options.onSnapshotError?.(error))
      .finally(() => {
        saving = undefined; // one at a time: each is as large as what is counted
      });
  };
  const count = (event: LoggedEvent): void => {
    if (statistics !== undefined && !isBundles(event)) {
      // Events of one instant wait for a later one: between the two nothing waits, and what is counted is all.
      const isLater = event.time > latestCounted;
      const isDue = saving === undefined && event.position - 1 - snapshotAt >= snapshotEvery;
      if (isDue && isLater) keepSnapshot(statistics);
      const { user, item, rating, time, context } = event;
      statistics.observe(
        {
          user,
          item,
          rating,
          time,
          label: event.label ?? (isLiked(rating, likedThreshold) ? 1 : 0),
          context,
          userAttributes: event.userAttributes ?? histories.attributesOf(user),
          itemAttributes: catalogue.attributesOf(item) ?? event.itemAttributes,
        },
        catalogue,
      );
      latestCounted = Math.max(latestCounted, time);
    }
    latest = Math.max(latest, event.time);
    position = event.position;
  };
  const readOn = async (): Promise<void> => {
    for (;;) {
      const events = await store.eventsAfter(position, readAtOnce);
      for (const event of events) count(event);
      if (events.length < readAtOnce) return;
    }
  };

  /** The reading that runs, and the one that begins after it: whoever comes meanwhile waits for that one. */
  let running: Promise<void> | undefined;
  let following: Promise<void> | undefined;
  const update = (): Promise<void> => {
    if (closed) return Promise.reject(storeClosed(`bundle ${version}`));
    if (running === undefined) {
      running = readOn().finally(() => {
        running = undefined;
      });
      return running;
    }
    following ??= running
      .catch(() => {})
      .then(() => {
        following = undefined;
        return update();
      });
    return following;
  };

  /** Of samples that tell none: now, and after all events so far. */
  const sampleTime = (): number => Math.max(now(), ties === "exclude" ? latest + instantSeconds : latest);
  const completed = (
    record: RatingRecord,
    itemAttributes: Attributes | undefined,
    time: number,
  ): RatingRecord => {
    const sample = {
      ...record,
      time: record.time ?? time,
      ...(itemAttributes === undefined ? {} : { itemAttributes }),
    };
    if (statistics === undefined || record.statistics !== undefined) return sample;
    const of = { statistics: statistics.plan, likedThreshold };
    return { ...sample, statistics: statisticsOfRecord(of, sample, catalogue, statistics) };
  };

  const [first] = await store.eventsAfter(position, 1);
  const missed =
    first === undefined ? 0 : Math.max(0, first.position - 1 - Math.max(position, attachment.since));
  await update();
  return {
    get position() {
      return position;
    },
    missed,
    async append(events) {
      const clock = now();
      const timed = events.map((event, index): StoreEvent => {
        const { time = clock } = event;
        if (time > clock + maxAheadSeconds)
          throw badEvent(`events[${index}].time`, "expected a time that has come, in seconds since 1970");
        return { ...event, time };
      });
      const appended = await store.append(timed);
      await update();
      return appended;
    },
    update,
    async history(user, size, before) {
      const stored = await store.history(user, size, { before, attachment });
      const own = histories.of(user).filter(({ time }) => isBefore(time, before));
      const all = merge(
        own,
        // As a log has them: 32-bit floats, told in the decimals that they mean.
        stored.events.map((event) => ({ ...event, rating: decimalRating(event.rating) })),
      );
      const events = all.slice(Math.max(0, all.length - size));
      return { events, earlier: histories.earlierOf(user) + stored.earlier + all.length - events.length };
    },
    async complete(records) {
      await update();
      const time = sampleTime();
      return Promise.all(
        records.map(async (record) => {
          const { item } = record;
          const isKnown = record.itemAttributes !== undefined || catalogue.has(item);
          return completed(record, isKnown ? record.itemAttributes : await store.attributesOf(item), time);
        }),
      );
    },
    completeFromMemory(records) {
      const time = sampleTime();
      return records.map((record) => completed(record, record.itemAttributes, time));
    },
    async close() {
      closed = true;
      await running?.catch(() => {}); // whoever waits for it hears of it
      await saving;
    },
  };
}

function isBefore(time: number | undefined, end: HistoryEnd | undefined): boolean {
  if (time === undefined || end === undefined) return true;
  return end.ties === "exclude" ? time < end.time : time <= end.time;
}

/** Both in the order of (time, item), those of the bundle first where they are equal. */
function merge(own: readonly HistoryEvent[], stored: readonly HistoryEvent[]): readonly HistoryEvent[] {
  const [last, first] = [own.at(-1), stored[0]];
  if (last === undefined) return stored;
  if (first === undefined) return own;
  if (last.time! < first.time!) return [...own, ...stored];
  return [...own, ...stored].sort((a, b) => a.time! - b.time! || compareKeys(tieKey(a.item), tieKey(b.item)));
}
