import { resolve } from "node:path";
import type { Attributes } from "@corella/modality";
import { storeClosed } from "../errors.ts";
import {
  type Appended,
  type Attachment,
  defaultLimits,
  type EventStore,
  type Snapshot,
  type StoreLimits,
} from "../event-store.ts";
import { checkEvents, type LoggedEvent } from "../event.ts";
import { checkCount, waitingEvents } from "../limits.ts";
import { type Database, type Row, sqliteError, type SqlValue } from "./database.ts";
import { openToRead } from "./schema.ts";
import { startWriter } from "./writer-thread.ts";

/**
 * Opens a store in a SQLite file, and makes it where there is none. A thread of its own writes, many waiting calls in one
 * transaction; reads are made in this thread, in microseconds. Other processes may have the same file open.
 * @throws CorellaError `store/open-failed`, `store/damaged` (every page is checked), `store/foreign`, `store/schema`, `store/busy`
 */
export async function openSqliteStore(file: string, options: Partial<StoreLimits> = {}): Promise<EventStore> {
  const limits = { ...defaultLimits, ...options };
  const path = resolve(file);
  const writer = await startWriter({ path, limits });
  let database: Database;
  let read: ReturnType<typeof createReader>;
  try {
    database = await openToRead(path);
    read = createReader(database);
  } catch (error) {
    await writer.close();
    throw error;
  }
  const waiting = waitingEvents(limits, path);
  let closed = false;
  /** Reads, and says what went wrong in our words. */
  const reading = async <T>(make: () => T): Promise<T> => {
    if (closed) throw storeClosed(path);
    try {
      return make();
    } catch (error) {
      throw sqliteError(error, path);
    }
  };
  return {
    limits,
    async append(events) {
      checkEvents(events);
      return waiting.hold(events.length, () => writer.write({ kind: "append", events }) as Promise<Appended>);
    },
    history: (user, count, view = {}) =>
      reading(() => {
        checkCount(count, limits);
        return read.history(user, count, view);
      }),
    eventsAfter: (position, count) => reading(() => read.eventsAfter(position, count)),
    attributesOf: (item) => reading(() => read.attributesOf(item)),
    attach: (bundle, until) => writer.write({ kind: "attach", bundle, until }) as Promise<Attachment>,
    snapshot: (bundle) => reading(() => read.snapshot(bundle)),
    async saveSnapshot(bundle, snapshot) {
      await writer.write({ kind: "snapshot", bundle, snapshot });
    },
    async close() {
      if (closed) return;
      closed = true;
      database.close();
      await writer.close();
    },
  };
}

type Reads = Pick<EventStore, "history" | "eventsAfter" | "attributesOf" | "snapshot">;
/** What the same reads give at once. */
type Reader = {
  [Name in keyof Reads]: (...values: Parameters<Reads[Name]>) => Awaited<ReturnType<Reads[Name]>>;
};

function createReader(database: Database): Reader {
  // Before an end, and what a bundle does not hold itself; -Infinity and 0 as bounds leave nothing out.
  const counts = "(position > ?2 OR time > ?3)";
  const order = "ORDER BY time DESC, tie DESC, position DESC LIMIT ?4";
  const columns = "SELECT item, rating, time FROM histories WHERE user = ?1 AND";
  const newest = database.prepare(`${columns} ${counts} ${order}`);
  const newestBefore = database.prepare(`${columns} ${counts} AND time < ?5 ${order}`);
  const newestUntil = database.prepare(`${columns} ${counts} AND time <= ?5 ${order}`);
  const count = "SELECT count(*) AS n FROM histories WHERE user = ?1 AND";
  const heldItself = database.prepare(`${count} NOT ${counts}`);
  const later = database.prepare(`${count} ${counts} AND time > ?4`);
  const laterOrAt = database.prepare(`${count} ${counts} AND time >= ?4`);
  const ofUser = database.prepare("SELECT total, kept FROM users WHERE user = ?");
  const after = database.prepare("SELECT * FROM log WHERE position > ? ORDER BY position LIMIT ?");
  const attributes = database.prepare("SELECT attributes FROM items WHERE item = ?");
  const snapshotOf = database.prepare("SELECT snapshot FROM bundles WHERE bundle = ?");
  const parts = database.prepare("SELECT data FROM snapshots WHERE bundle = ? ORDER BY part");
  /** Several reads of the same moment. */
  const [begin, commit] = [database.prepare("BEGIN"), database.prepare("COMMIT")];
  const atOnce = <T>(make: () => T): T => {
    begin.run();
    try {
      return make();
    } finally {
      commit.run();
    }
  };

  return {
    history(user, size, { before, attachment = { since: 0, until: Number.NEGATIVE_INFINITY } } = {}) {
      return atOnce(() => {
        const known = ofUser.get(user);
        if (known === undefined) return { events: [], earlier: 0 };
        const bounds = [user, attachment.since, attachment.until] as const;
        const exclude = before?.ties === "exclude";
        const rows =
          before === undefined
            ? newest.all(...bounds, size)
            : (exclude ? newestBefore : newestUntil).all(...bounds, size, before.time);
        const [total, kept] = [Number(known.total), Number(known.kept)];
        // What was trimmed is older than all that a bundle attached later does not hold itself.
        let matching = attachment.since === 0 ? total : kept - Number(heldItself.get(...bounds)!.n);
        if (before !== undefined)
          matching -= Number((exclude ? laterOrAt : later).get(...bounds, before.time)!.n);
        return { events: rows.reverse().map(historyEvent), earlier: Math.max(0, matching - rows.length) };
      });
    },
    eventsAfter: (position, size) => after.all(position, size).map(loggedEvent),
    attributesOf: (item) => parsed(attributes.get(item)?.attributes ?? null),
    snapshot(bundle): Snapshot | undefined {
      return atOnce(() => {
        const position = snapshotOf.get(bundle)?.snapshot ?? null;
        if (position === null) return undefined;
        const data = Buffer.concat(parts.all(bundle).map((row) => row.data as Uint8Array));
        return { position: Number(position), data: new Uint8Array(data) };
      });
    },
  };
}

function historyEvent({ item, rating, time }: Row): { item: string; rating: number; time: number } {
  return { item: item as string, rating: Number(rating), time: Number(time) };
}

function loggedEvent(row: Row): LoggedEvent {
  return {
    position: Number(row.position),
    id: row.id as string,
    user: row.user as string,
    item: row.item as string,
    rating: Number(row.rating),
    ...(row.label === null ? {} : { label: Number(row.label) as 0 | 1 }),
    time: Number(row.time),
    ...(row.context === null ? {} : { context: parsed(row.context)! }),
    ...(row.user_attributes === null ? {} : { userAttributes: parsed(row.user_attributes)! }),
    ...(row.item_attributes === null ? {} : { itemAttributes: parsed(row.item_attributes)! }),
  };
}

function parsed(text: SqlValue | undefined): Attributes | undefined {
  return typeof text === "string" ? (JSON.parse(text) as Attributes) : undefined;
}
