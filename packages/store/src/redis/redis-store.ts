import { randomUUID } from "node:crypto";
import type { Attributes } from "@corella/modality";
import type { Redis } from "ioredis";
import { storeClosed } from "../errors.ts";
import {
  type Attachment,
  defaultLimits,
  type EventStore,
  keptSnapshots,
  type Snapshot,
  type StoreLimits,
  type UserHistory,
} from "../event-store.ts";
import { checkEvents, type LoggedEvent, type StoreEvent } from "../event.ts";
import { checkCount, waitingEvents } from "../limits.ts";
import { tieKey } from "../tie-key.ts";
import { checkServer } from "./check-server.ts";
import { redisError } from "./errors.ts";
import { createRedisClient } from "./redis-client.ts";
import { appendScript, attachScript, snapshotScript } from "./scripts.ts";
import { createDiskWait, type DiskWait } from "./wait-aof.ts";

/** How a store in Redis is opened. */
export interface RedisStoreOptions extends Partial<StoreLimits> {
  /** Refuses a server that answers before what it answers for is on its disk. Default true. */
  readonly durable?: boolean | undefined;
}

/** The client with our scripts as commands: number of keys, keys, values. */
type Client = Redis & {
  corellaAppend(keys: number, ...values: (string | number)[]): Promise<[added: number, position: string]>;
  corellaAttach(keys: number, ...values: (string | number)[]): Promise<string>;
  corellaSnapshot(keys: number, ...values: (string | number)[]): Promise<string[]>;
};

/** All of a store; another store on the same server has a database number of its own. */
const keys = {
  schema: "corella:schema",
  position: "corella:position",
  log: "corella:log",
  ids: "corella:ids",
  items: "corella:items",
  totals: "corella:totals",
  bundles: "corella:bundles",
  snapshots: "corella:snapshots",
} as const;
const historyKey = (user: string): string => `corella:history:${user}`;

/** Bytes of a value of a snapshot: far below what Redis takes. */
const partBytes = 2 ** 22;
/** Ends an item's tie key in a history's members: no id holds it. */
const end = "\0";
const positionDigits = 16;

/**
 * Opens a store on a Redis or Valkey server, which several servers of a bundle may share. The server has to write every change to
 * its disk before it answers (`appendonly yes`, `appendfsync always`), or to know WAITAOF, by which each append waits for the disk.
 * @param url `redis://[user:password@]host:port/database`, `rediss://` with TLS, or the path of a Unix socket as `redis:///path`
 * @throws CorellaError `store/unavailable`, `store/not-durable`, `store/evicting`, `store/schema`
 */
export async function openRedisStore(url: string, options: RedisStoreOptions = {}): Promise<EventStore> {
  const { durable = true, ...own } = options;
  const limits = { ...defaultLimits, ...own };
  const { place, client: bare } = connect(url);
  const client = bare as Client;
  defineScripts(client);
  /** Where appends wait for the disk they have a connection of their own, on which nothing else has to wait. */
  let appending = client;
  let disk: DiskWait | undefined;
  let closed = false;
  const ask = async <T>(make: () => Promise<T>): Promise<T> => {
    if (closed) throw storeClosed(place);
    try {
      return await make();
    } catch (error) {
      throw redisError(error, place);
    }
  };
  try {
    await ask(async () => {
      await client.connect();
      const { mustWait } = await checkServer(client, { place, schemaKey: keys.schema, durable });
      if (!mustWait) return;
      appending = client.duplicate(waitsOnItsConnection) as Client;
      appending.on("error", () => {}); // as the other's
      defineScripts(appending);
      disk = createDiskWait(appending, place);
      await appending.connect();
    });
  } catch (error) {
    client.disconnect();
    appending.disconnect();
    throw error;
  }
  const waiting = waitingEvents(limits, place);

  return {
    limits,
    async append(events) {
      checkEvents(events);
      const { position, log, ids, items, totals } = keys;
      const all = [position, log, ids, items, totals, ...events.map(({ user }) => historyKey(user))];
      const values = [limits.userEvents, limits.logEvents, ...events.flatMap(valuesOf)];
      return waiting.hold(events.length, () =>
        ask(async () => {
          const [added, last] = await appending.corellaAppend(all.length, ...all, ...values);
          // Also for repeats: the first call may have failed while it waited.
          await disk?.onDisk();
          return { added, repeated: events.length - added, position: Number(last) };
        }),
      );
    },
    async history(user, count, view = {}) {
      checkCount(count, limits);
      return ask(() => history(client, user, count, view));
    },
    eventsAfter: (position, count) =>
      ask(async () => {
        const entries = await client.xrange(keys.log, `${position + 1}-0`, "+", "COUNT", count);
        return entries.map(([id, fields]) => loggedEvent(id, fields));
      }),
    attributesOf: (item) =>
      ask(async () => {
        const text = await client.hget(keys.items, item);
        return text === null ? undefined : (JSON.parse(text) as Attributes);
      }),
    attach: (bundle, until) =>
      ask(async (): Promise<Attachment> => {
        const said = await client.corellaAttach(2, keys.position, keys.bundles, bundle, String(until));
        const [since, first, head] = said.split(" ").map(Number) as [number, number, number];
        return { since, until: first, head };
      }),
    snapshot: (bundle) => ask(() => snapshot(client, bundle)),
    saveSnapshot: (bundle, kept) => ask(() => saveSnapshot(client, bundle, kept)),
    async close() {
      if (closed) return;
      closed = true;
      // Without a server nothing waits any more.
      for (const open of new Set([client, appending])) await open.quit().catch(() => open.disconnect());
    },
  };
}

/**
 * WAITAOF tells of its own connection: asked on another one, after the first was lost, it would speak of nothing. So nothing waits for
 * a new connection, or is sent again.
 */
const waitsOnItsConnection = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} as const;

function defineScripts(client: Redis): void {
  client.defineCommand("corellaAppend", { lua: appendScript });
  client.defineCommand("corellaAttach", { lua: attachScript });
  client.defineCommand("corellaSnapshot", { lua: snapshotScript });
}

function connect(url: string): { client: Redis; place: string } {
  const client = createRedisClient(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 2,
    commandTimeout: 10_000,
  });
  const parsed = new URL(url);
  parsed.username = parsed.password = "";
  return { client, place: parsed.href };
}

/** What the script takes of an event. */
function valuesOf(event: StoreEvent): (string | number)[] {
  const { itemAttributes, ...kept } = event;
  const { id, user, item, rating, time } = event;
  return [
    `${user}${end}${id}`,
    user,
    String(time),
    tieKey(item),
    JSON.stringify(kept),
    JSON.stringify([item, rating]),
    item,
    itemAttributes === undefined ? "" : JSON.stringify(itemAttributes),
  ];
}

function loggedEvent(id: string, [, event, , attributes]: string[]): LoggedEvent {
  return {
    position: Number.parseInt(id, 10),
    ...(JSON.parse(event!) as StoreEvent),
    ...(attributes === "" ? {} : { itemAttributes: JSON.parse(attributes!) as Attributes }),
  };
}

interface HistoryMember {
  readonly item: string;
  readonly rating: number;
  readonly time: number;
  readonly position: number;
}

/** Members and scores in turn, as Redis gives them. */
function members(list: readonly string[]): HistoryMember[] {
  return Array.from({ length: list.length / 2 }, (_, i) => {
    const rest = list[2 * i]!.split(end, 2)[1]!;
    const [item, rating] = JSON.parse(rest.slice(positionDigits)) as [string, number];
    const position = Number(rest.slice(0, positionDigits));
    return { item, rating, time: Number(list[2 * i + 1]), position };
  });
}

async function history(
  client: Redis,
  user: string,
  count: number,
  { before, attachment }: NonNullable<Parameters<EventStore["history"]>[2]>,
): Promise<UserHistory> {
  const key = historyKey(user);
  const exclude = before?.ties === "exclude";
  const last = before === undefined ? "+inf" : `${exclude ? "(" : ""}${before.time}`;
  const later = before === undefined ? "(+inf" : `${exclude ? "" : "("}${before.time}`;
  const event = ({ item, rating, time }: HistoryMember): UserHistory["events"][number] => ({
    item,
    rating,
    time,
  });
  if (attachment !== undefined && attachment.since > 0) {
    const { since, until } = attachment;
    const all = members(await client.zrange(key, "-inf", last, "BYSCORE", "WITHSCORES"));
    const counts = all.filter(({ position, time }) => position > since || time > until);
    const first = Math.max(0, counts.length - count);
    return { events: counts.slice(first).map(event), earlier: first };
  }
  const replies = await client
    .multi()
    .hget(keys.totals, user)
    .zrevrangebyscore(key, last, "-inf", "WITHSCORES", "LIMIT", 0, count)
    .zcount(key, later, "+inf")
    .exec();
  const [total, newest, after] = replies!.map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
  const events = members(newest as string[]).reverse();
  return { events: events.map(event), earlier: Number(total ?? 0) - Number(after) - events.length };
}

async function snapshot(client: Redis, bundle: string): Promise<Snapshot | undefined> {
  for (;;) {
    const known = await client.hget(keys.snapshots, bundle);
    if (known === null) return undefined;
    const [position, place, count] = known.split(" ");
    const parts: Uint8Array[] = [];
    for (let part = 0; part < Number(count); part++) {
      const data = await client.getBuffer(`${place}:${part}`);
      if (data !== null) parts.push(data);
    }
    // Otherwise a newer one has taken its place meanwhile.
    if (parts.length === Number(count))
      return { position: Number(position), data: new Uint8Array(Buffer.concat(parts)) };
    if ((await client.hget(keys.snapshots, bundle)) === known) return undefined; // somebody has deleted parts
  }
}

async function saveSnapshot(client: Client, bundle: string, { position, data }: Snapshot): Promise<void> {
  const place = `corella:snapshot:${randomUUID()}`;
  let part = 0;
  for (; part * partBytes < data.length; part++)
    await client.set(
      `${place}:${part}`,
      Buffer.from(data.subarray(part * partBytes, (part + 1) * partBytes)),
    );
  const values = [bundle, position, `${place} ${part}`, keptSnapshots];
  for (const unused of await client.corellaSnapshot(1, keys.snapshots, ...values)) {
    const [oldPlace, count] = unused.split(" ");
    await client.del(...Array.from({ length: Math.max(1, Number(count)) }, (_, i) => `${oldPlace}:${i}`));
  }
}
