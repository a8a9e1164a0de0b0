import type { Attributes, HistoryEvent } from "@corella/modality";
import type { LoggedEvent, StoreEvent } from "./event.ts";

/** What became of events that were appended. */
export interface Appended {
  /** Those that are new. */
  readonly added: number;
  /** Those whose id the user's earlier events have: they changed nothing. */
  readonly repeated: number;
  /** The position of the latest event of the store: whatever was appended lies at or before it. */
  readonly position: number;
}

/** The newest events of a user. */
export interface UserHistory {
  /** In the order of (time, item, position), oldest first. */
  readonly events: readonly HistoryEvent[];
  /**
   * How many events of the user lie before those. What was trimmed stays counted where no bundle is named, and for one that was
   * attached when the store was empty; for those attached later only events that are still kept count.
   */
  readonly earlier: number;
}

/** The end of a history. */
export interface HistoryEnd {
  /** Seconds since 1970. */
  readonly time: number;
  /** Whether events of that time itself belong to it: not with `exclude`. */
  readonly ties: "exclude" | "order";
}

/** Which events a bundle does not hold itself: those after a position, and those later than its own log. */
export interface Attachment {
  /** Position of the store's latest event when the bundle was attached for the first time. */
  readonly since: number;
  /** Time of the latest event of the bundle's own log, in seconds since 1970. */
  readonly until: number;
  /** Position of the store's latest event now. */
  readonly head: number;
}

/** What a bundle's running statistics had counted at a position. */
export interface Snapshot {
  /** Every event up to here is counted, and none after it. */
  readonly position: number;
  readonly data: Uint8Array;
}

/** How much a store keeps. */
export interface StoreLimits {
  /** The newest events of each user, for histories. Default 1,000. */
  readonly userEvents: number;
  /** The newest events of all users: repeats of these are known, and running statistics can go on from these. Default 1,000,000. */
  readonly logEvents: number;
  /** Events that may wait to be written; more are refused with `store/full`. Default 10,000. */
  readonly waitingEvents: number;
}

/** Limits that suit a server. */
export const defaultLimits: StoreLimits = { userEvents: 1000, logEvents: 1_000_000, waitingEvents: 10_000 };

/**
 * Bundles whose snapshots are kept: those whose statistics have come furthest. Another that is served again counts anew what the
 * log still has.
 */
export const keptSnapshots = 4;

/**
 * Durable events of users, in one order for all who read them, and what bundles make of them. Several processes may use one
 * store at once.
 */
export interface EventStore {
  readonly limits: StoreLimits;
  /**
   * Appends events in their order, all or none. Resolves after they are on the disk; every read that begins later knows them.
   * A call that failed may be repeated with the same ids.
   * @throws CorellaError `store/bad-event`, `store/too-many-events`, `store/full`, `store/write-failed`, `store/damaged`,
   * `store/unavailable`, `store/closed`
   */
  append(events: readonly StoreEvent[]): Promise<Appended>;
  /**
   * A user's newest events.
   * @param count at most `limits.userEvents`
   * @param options.before leaves out later events
   * @param options.attachment leaves out what a bundle holds itself; without one, everything
   */
  history(
    user: string,
    count: number,
    options?: {
      readonly before?: HistoryEnd | undefined;
      readonly attachment?: Pick<Attachment, "since" | "until"> | undefined;
    },
  ): Promise<UserHistory>;
  /**
   * Events after a position, in their order, at most `count`. Those of an item whose attributes they do not tell have the ones
   * that were known when they were appended.
   */
  eventsAfter(position: number, count: number): Promise<readonly LoggedEvent[]>;
  /** The attributes that events brought of an item, the latest. */
  attributesOf(item: string): Promise<Attributes | undefined>;
  /**
   * Attaches a bundle: what was appended before, and is not later than the bundle's own log, it holds itself.
   * @param bundle tells a bundle and its version from all others
   * @param until see `Attachment`
   * @returns `since` and `until` as the first call for this bundle had them
   */
  attach(bundle: string, until: number): Promise<Attachment>;
  /** The newest snapshot of a bundle. */
  snapshot(bundle: string): Promise<Snapshot | undefined>;
  /** Keeps a snapshot in place of an older one; a newer one stays. Of all bundles those of `keptSnapshots` are kept. */
  saveSnapshot(bundle: string, snapshot: Snapshot): Promise<void>;
  /** Writes what waits, then lets go of file or connection. */
  close(): Promise<void>;
}
