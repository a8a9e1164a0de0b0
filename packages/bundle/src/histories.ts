import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  decimalRating,
  saidOfEvents,
  statisticsOfEventsAt,
  type Attributes,
  type HistoryEvent,
  type InteractionLog,
  type StatisticsPlan,
} from "@corella/modality";
import { writeFileAtomic } from "@corella/files";
import { parseSafetensors, toTypedArray, writeSafetensors } from "@corella/safetensors";

const tensorFile = "histories.safetensors";
const namesFile = "histories.json";

/** The latest events of every known user, so that a request may name a user instead of telling a history. */
export interface Histories {
  readonly users: number;
  /** Time of the latest event of all, in seconds since 1970: the end of the bundle's log; -Infinity without an event. */
  readonly latest: number;
  /** Whether events bring running statistics as of their own moment: where the bundle's prompt says some. */
  readonly keepsStatistics: boolean;
  /** So many of the users, spread evenly; all where there are fewer. */
  some(count: number): string[];
  has(user: string): boolean;
  /** Oldest first. Empty for an unknown user. */
  of(user: string): HistoryEvent[];
  /** How many events of the user lie before those. */
  earlierOf(user: string): number;
  attributesOf(user: string): Attributes | undefined;
}

/**
 * Writes each user's latest `maxLength` events of a log into a bundle's folder, with the running statistics that the plan says
 * of events, each as of its own moment: no state at the log's end knows them any more.
 */
export async function writeHistories(
  folder: string,
  log: InteractionLog,
  maxLength: number,
  plan: StatisticsPlan | undefined,
): Promise<void> {
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
  const said = saidOfEvents(plan);
  await writeSafetensors(join(folder, tensorFile), {
    offsets: { dtype: "I32", shape: [users + 1], data: offsets },
    earlier: { dtype: "I32", shape: [users], data: earlier },
    item: { dtype: "I32", shape: [count], data: Int32Array.from(rows, (row) => log.item[row]!) },
    rating: { dtype: "F32", shape: [count], data: Float32Array.from(rows, (row) => log.rating[row]!) },
    time: { dtype: "F64", shape: [count], data: Float64Array.from(rows, (row) => log.time[row]!) },
    ...(said.length > 0 && {
      statistics: {
        dtype: "F32",
        shape: [count, said.length],
        data: eventStatistics(log, rows, plan!, said),
      },
    }),
  });
  const names = {
    users: log.users.ids,
    items: log.items.ids,
    attributes: log.users.attributes,
    ...(said.length > 0 && { statistics: said }),
  };
  await writeFileAtomic(join(folder, namesFile), JSON.stringify(names));
}

/** [rows, said]; NaN where nothing was before. */
function eventStatistics(
  log: InteractionLog,
  rows: readonly number[],
  plan: StatisticsPlan,
  said: readonly string[],
): Float32Array {
  const known = statisticsOfEventsAt(log, [rows], plan);
  const values = new Float32Array(rows.length * said.length);
  for (const [i, row] of rows.entries()) {
    const ofEvent = known(row);
    for (const [s, name] of said.entries()) values[i * said.length + s] = ofEvent[name] ?? Number.NaN;
  }
  return values;
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
    statistics?: string[];
  };
  const said = names.statistics ?? [];
  const values = said.length > 0 ? (toTypedArray(tensors.get("statistics")!) as Float32Array) : undefined;
  const statisticsOf = (event: number): HistoryEvent["statistics"] => {
    const known = said.map((name, s) => [name, values![event * said.length + s]!] as const);
    return Object.fromEntries(known.filter(([, value]) => !Number.isNaN(value)));
  };
  const codes = new Map(names.users.map((user, code) => [user, code]));
  return {
    users: names.users.length,
    latest: time.reduce((most, seconds) => Math.max(most, seconds), Number.NEGATIVE_INFINITY),
    keepsStatistics: said.length > 0,
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
        const event = {
          item: names.items[item[i]!]!,
          rating: decimalRating(rating[i]!),
          time: time[i]!,
        };
        events.push(values === undefined ? event : { ...event, statistics: statisticsOf(i) });
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
