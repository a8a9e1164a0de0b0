import {
  createLog,
  fitFeatureMap,
  type InteractionLog,
  recordAt,
  type StatisticConfig,
  type StatisticsPlan,
} from "@corella/modality";
import { chance } from "./events.test-helper.ts";

const statistics: StatisticConfig[] = [
  { name: "item_mean", type: "statistic", value: "mean", by: "item" },
  { name: "item_deviation", type: "statistic", value: "deviation", by: "item", prior: 1 },
  { name: "user_deviation", type: "statistic", value: "deviation", of: "label", by: "user" },
  { name: "taste", type: "statistic", value: "mean", of: "label", by: ["user", "item.genres"], prior: 2 },
  { name: "group", type: "statistic", value: "mean", by: ["item", "user.gender"] },
  { name: "recent", type: "statistic", value: "count", by: "user", halfLife: "0.5d" },
  { name: "genre_count", type: "statistic", value: "count", by: "item.genres" },
  { name: "last", type: "statistic", value: "last", by: "user" },
  { name: "pause", type: "statistic", value: "sinceLast", by: ["user", "item.genres[0]"] },
  { name: "by_device", type: "statistic", value: "deviation", by: ["device", "item.genres"], halfLife: "1d" },
];

/** What is counted for statistics of every kind of a log. */
export function planOfEveryKind(log: InteractionLog): StatisticsPlan {
  const rows = Uint32Array.from({ length: 20 }, (_, row) => row);
  return fitFeatureMap(statistics, log, rows).statistics!;
}

/** A log with many ties in time, repeated pairs, missing attributes and a context column. */
export function randomLog(rows: number, ties: "exclude" | "order", seed: number): InteractionLog {
  const next = chance(seed);
  const below = (most: number): number => Math.floor(next() * most);
  const rating = Float32Array.from({ length: rows }, () => below(51) / 10);
  return createLog({
    user: Int32Array.from({ length: rows }, () => below(5)),
    item: Int32Array.from({ length: rows }, () => below(7)),
    rating,
    time: Float64Array.from(
      { length: rows },
      (_, row) => 1_000_000 + 7200 * Math.floor(row / (1 + below(5))),
    ),
    label: Uint8Array.from(rating, (stars) => (stars >= 3.5 ? 1 : 0)),
    users: {
      ids: ["u0", "u1", "u2", "u3", "u4"],
      activeCount: 5,
      attributes: [{ gender: "F" }, { gender: "M" }, {}, { gender: "F" }, {}],
    },
    items: {
      ids: ["2", "3", "5", "7", "11", "13", "17"],
      activeCount: 7,
      attributes: [
        ["War"],
        ["War", "Noir"],
        ["Drama"],
        [],
        ["Noir"],
        ["Drama", "War"],
        ["Noir", "Drama"],
      ].map((genres) => ({ genres })),
    },
    context: [
      {
        name: "device",
        codes: Int32Array.from({ length: rows }, () => below(3)),
        values: [undefined, "phone", "tv"],
      },
    ],
    history: { maxLength: 6, ties },
    likedThreshold: 3.5,
  });
}

/** A log of its first rows, which knows the users and items of the others too. */
export function firstRows(log: InteractionLog, size: number): InteractionLog {
  return createLog({
    ...log,
    user: log.user.slice(0, size),
    item: log.item.slice(0, size),
    rating: log.rating.slice(0, size),
    time: log.time.slice(0, size),
    label: log.label.slice(0, size),
    context: log.context?.map((column) => ({ ...column, codes: column.codes.slice(0, size) })),
  });
}

/** The first row from a size on that no earlier row shares its instant with. */
export function instantAt(log: InteractionLog, size: number): number {
  let row = size;
  while (log.time[row] === log.time[row - 1]) row += 1;
  return row;
}

/** A row of a log as an event, whose label and attributes are left to the bundle. */
export function eventAt(
  log: InteractionLog,
  row: number,
): {
  id: string;
  user: string;
  item: string;
  rating: number;
  time: number;
  context?: Record<string, string>;
} {
  const { user, item, context } = recordAt(log, row, 0);
  return {
    id: `row-${row}`,
    user: user!,
    item,
    rating: log.rating[row]!,
    time: log.time[row]!,
    ...(context === undefined ? {} : { context: context as Record<string, string> }),
  };
}

/** The histories at the end of a log, as a bundle holds them: the newest of its window. */
export function historiesOf(log: InteractionLog): {
  latest: number;
  of(user: string): { item: string; rating: number; time: number }[];
  earlierOf(user: string): number;
  attributesOf(user: string): InteractionLog["users"]["attributes"][number] | undefined;
} {
  const code = (user: string): number => log.users.ids.indexOf(user);
  const rowsOf = (user: string): Uint32Array =>
    code(user) < 0
      ? new Uint32Array(0)
      : log.userRows.subarray(log.userOffsets[code(user)]!, log.userOffsets[code(user) + 1]!);
  return {
    latest: log.time[log.size - 1]!,
    of: (user) =>
      Array.from(rowsOf(user).slice(-log.history.maxLength), (row) => {
        const { item, rating, time } = eventAt(log, row);
        return { item, rating: Number(rating.toPrecision(7)), time };
      }),
    earlierOf: (user) => Math.max(0, rowsOf(user).length - log.history.maxLength),
    attributesOf: (user) => log.users.attributes[code(user)],
  };
}
