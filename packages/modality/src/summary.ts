import { type AttributeCoverage, attributeCoverage } from "./coverage.ts";
import { historyLength, type InteractionLog, type LoadReport } from "./log.ts";
import type { LogSplit } from "./split.ts";

/** What is in one part of a split. */
export interface PartSummary {
  rows: number;
  positives: number;
  positiveShare: number;
  /** Seconds since 1970; undefined for an empty part, and where the log's times are none. */
  time?: { first: number; last: number };
  history: { mean: number; median: number; max: number };
  /** Shares of rows whose user, whose item is not in the training part, and with no history at all. */
  cold: { newUser: number; newItem: number; noHistory: number };
}

/** What is in a log and in the parts of its split. */
export interface LogSummary {
  rows: number;
  users: number;
  items: number;
  /** The share of all pairs of a user and an item that have an event. */
  density: number;
  /** Seconds since 1970; undefined where the log has no times, or numbers that only order its rows. */
  time?: { first: number; last: number };
  parts: Record<"train" | "validation" | "test", PartSummary>;
  /** What is known of users and items. */
  attributes: readonly AttributeCoverage[];
  report: LoadReport;
}

/** Counts what is in a log and in the parts of its split. */
export function summarise(log: InteractionLog, split: LogSplit): LogSummary {
  const seen = seenIn(log, split.train);
  const isClock = log.report.times === "clock";
  const { activeCount: users } = log.users;
  const { activeCount: items } = log.items;
  const part = (rows: Uint32Array): PartSummary => summarisePart(log, rows, seen);
  return {
    rows: log.size,
    users,
    items,
    density: countPairs(log) / (users * items),
    ...(isClock && { time: { first: log.time[0]!, last: log.time[log.size - 1]! } }),
    parts: { train: part(split.train), validation: part(split.validation), test: part(split.test) },
    attributes: attributeCoverage(log),
    report: log.report,
  };
}

/** Pairs of a user and an item that have an event, however many. */
function countPairs({ user, item, users, items }: InteractionLog): number {
  const starts = new Uint32Array(users.ids.length + 1);
  for (const code of user) starts[code + 1]!++;
  for (let code = 0; code < users.ids.length; code++) starts[code + 1]! += starts[code]!;
  const itemsByUser = new Uint32Array(item.length);
  const next = starts.slice();
  user.forEach((code, row) => (itemsByUser[next[code]!++] = item[row]!));
  let pairs = 0;
  /** The last user, from 1, with an event of each item. */
  const lastUser = new Uint32Array(items.ids.length);
  for (let code = 0; code < users.ids.length; code++)
    for (let at = starts[code]!; at < starts[code + 1]!; at++) {
      const of = itemsByUser[at]!;
      if (lastUser[of] !== code + 1) pairs++;
      lastUser[of] = code + 1;
    }
  return pairs;
}

/** Users and items by their codes: 1 for those with an event among some rows, else 0. */
export interface Seen {
  readonly user: Uint8Array;
  readonly item: Uint8Array;
}

/** Who and what has an event among the rows. */
export function seenIn(log: InteractionLog, rows: Uint32Array): Seen {
  const seen = { user: new Uint8Array(log.users.ids.length), item: new Uint8Array(log.items.ids.length) };
  for (const row of rows) {
    seen.user[log.user[row]!] = 1;
    seen.item[log.item[row]!] = 1;
  }
  return seen;
}

function summarisePart(log: InteractionLog, rows: Uint32Array, seen: Seen): PartSummary {
  const lengths = rows.map((row) => historyLength(log, row)).sort();
  let [positives, newUser, newItem, noHistory, events] = [0, 0, 0, 0, 0];
  for (const row of rows) {
    const length = historyLength(log, row);
    positives += log.label[row]!;
    events += length;
    if (length === 0) noHistory++;
    if (seen.user[log.user[row]!] === 0) newUser++;
    if (seen.item[log.item[row]!] === 0) newItem++;
  }
  const share = (count: number): number => (rows.length === 0 ? 0 : count / rows.length);
  return {
    rows: rows.length,
    positives,
    positiveShare: share(positives),
    ...(rows.length > 0 &&
      log.report.times === "clock" && {
        time: { first: log.time[rows[0]!]!, last: log.time[rows.at(-1)!]! },
      }),
    history: { mean: share(events), median: lengths[lengths.length >> 1] ?? 0, max: lengths.at(-1) ?? 0 },
    cold: { newUser: share(newUser), newItem: share(newItem), noHistory: share(noHistory) },
  };
}
