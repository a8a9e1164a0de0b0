import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decimalRating, type Attributes, type HistoryEvent, type InteractionLog } from "@corella/modality";
import { writeFileAtomic } from "@corella/files";
import { parseSafetensors, toTypedArray, writeSafetensors } from "@corella/safetensors";

const tensorFile = "histories.safetensors";
const namesFile = "histories.json";

/** The latest events of every known user, so that a request may name a user instead of telling a history. */
export interface Histories {
  readonly users: number;
  /** Time of the latest event of all, in seconds since 1970: the end of the bundle's log; -Infinity without an event. */
  readonly latest: number;
  /** So many of the users, spread evenly; all where there are fewer. */
  some(count: number): string[];
  has(user: string): boolean;
  /** Oldest first. Empty for an unknown user. */
  of(user: string): HistoryEvent[];
  /** How many events of the user lie before those. */
  earlierOf(user: string): number;
  attributesOf(user: string): Attributes | undefined;
}

/** Writes each user's latest `maxLength` events of a log into a bundle's folder. */
export async function writeHistories(folder: string, log: InteractionLog, maxLength: number): Promise<void> {
  const users = log.users.ids.length;
  const offsets = new Int32Array(users + 1);
  const earlier = new Int32Array(users);
  const rows: number[] = [];
  for (let user = 0; user < users; user++) {
    const end = log.userOffsets[user + 1]!;
    const start = Math.max(log.userOffsets[user]!, end - maxLength);
    earlier[user] = start - log.userOffsets[user]!;
    for (let i = start; i < end; i++) rows.push(log.userRows[i]!);
    offsets[user + 1] = rows.length;
  }
  const count = rows.length;
  await writeSafetensors(join(folder, tensorFile), {
    offsets: { dtype: "I32", shape: [users + 1], data: offsets },
    earlier: { dtype: "I32", shape: [users], data: earlier },
    item: { dtype: "I32", shape: [count], data: Int32Array.from(rows, (row) => log.item[row]!) },
    rating: { dtype: "F32", shape: [count], data: Float32Array.from(rows, (row) => log.rating[row]!) },
    time: { dtype: "F64", shape: [count], data: Float64Array.from(rows, (row) => log.time[row]!) },
  });
  const names = { users: log.users.ids, items: log.items.ids, attributes: log.users.attributes };
  await writeFileAtomic(join(folder, namesFile), JSON.stringify(names));
}

/** Reads the latest events of every known user from a bundle's folder. */
export async function readHistories(folder: string): Promise<Histories> {
  const path = join(folder, tensorFile);
  const { tensors } = parseSafetensors(await readFile(path), path);
  const offsets = toTypedArray(tensors.get("offsets")!) as Int32Array;
  // Bundles of before have no such column.
  const stored = tensors.get("earlier");
  const earlier = stored === undefined ? undefined : (toTypedArray(stored) as Int32Array);
  const item = toTypedArray(tensors.get("item")!) as Int32Array;
  const rating = toTypedArray(tensors.get("rating")!) as Float32Array;
  const time = toTypedArray(tensors.get("time")!) as Float64Array;
  const names = JSON.parse(await readFile(join(folder, namesFile), "utf8")) as {
    users: string[];
    items: string[];
    attributes: Attributes[];
  };
  const codes = new Map(names.users.map((user, code) => [user, code]));
  return {
    users: names.users.length,
    latest: time.reduce((most, seconds) => Math.max(most, seconds), Number.NEGATIVE_INFINITY),
    some(count) {
      const size = Math.min(count, names.users.length);
      return Array.from(
        { length: size },
        (_, i) => names.users[Math.floor((i * names.users.length) / size)]!,
      );
    },
    has: (user) => codes.has(user),
    of(user) {
      const code = codes.get(user);
      if (code === undefined) return [];
      const events: HistoryEvent[] = [];
      for (let i = offsets[code]!; i < offsets[code + 1]!; i++) {
        events.push({ item: names.items[item[i]!]!, rating: decimalRating(rating[i]!), time: time[i]! });
      }
      return events;
    },
    earlierOf(user) {
      const code = codes.get(user);
      return code === undefined ? 0 : (earlier?.[code] ?? 0);
    },
    attributesOf(user) {
      const code = codes.get(user);
      return code === undefined ? undefined : names.attributes[code];
    },
  };
}
