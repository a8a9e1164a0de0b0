// What the store of events costs: appends alone, at once and in lists, histories of 20 events, and samples with their running
// statistics. Usage, from the project's root, where the second argument is a Redis server's URL, or nothing for a SQLite file:
//   node --conditions=source --import tsx tooling/bench/src/experiments/store-speed.ts [users] [place]
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createCatalogue, createLog, fitFeatureMap, statisticsAtEnd } from "@corella/modality";
import { openServedState, openStore, type StoreEvent } from "@corella/store";

const [users = "2000", place] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "corella-store-speed-"));
const store = await openStore(place ?? join(folder, "events.db"));
const say = (what: string, figures: object): void =>
  void process.stdout.write(
    `${JSON.stringify({ what, ...figures, load: Number(loadavg()[0]!.toFixed(1)) })}\n`,
  );

let made = 0;
const event = (): StoreEvent => {
  made += 1;
  return {
    id: `${process.pid}-${made}`,
    user: `user-${(made * 7919) % Number(users)}`,
    item: String((made * 104_729) % 3000),
    rating: 1 + (made % 5),
    time: 1_000_000_000 + made,
  };
};
const events = (count: number): StoreEvent[] => Array.from({ length: count }, event);

/** Times of calls one after the other, in microseconds. */
async function measure(what: string, calls: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 20; i++) await call();
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const startedMs = performance.now();
    await call();
    times.push(1000 * (performance.now() - startedMs));
  }
  times.sort((a, b) => a - b);
  const at = (part: number): number => Math.round(times[Math.floor(part * (times.length - 1))]!);
  say(what, { p50Us: at(0.5), p90Us: at(0.9), p99Us: at(0.99) });
}

const fillMs = performance.now();
const total = 25 * Number(users);
for (let done = 0; done < total; done += 1000) await store.append(events(1000));
say("append, 1,000 a call, one after the other", {
  eventsPerSecond: Math.round((1000 * total) / (performance.now() - fillMs)),
});
await measure("append of one event", 300, () => store.append(events(1)));
const atOnceMs = performance.now();
await Promise.all(
  Array.from({ length: 64 }, async () => {
    for (let i = 0; i < 30; i++) await store.append(events(1));
  }),
);
say("append of one event, 64 callers at once", {
  eventsPerSecond: Math.round((1000 * 64 * 30) / (performance.now() - atOnceMs)),
});
let asked = 0;
const someone = (): string => `user-${(asked += 1) % Number(users)}`;
await measure("history of 20", 3000, () => store.history(someone(), 20));
await measure("history of 20 before a time", 3000, () =>
  store.history(someone(), 20, { before: { time: 1_000_000_000 + made / 2 + 5e4, ties: "exclude" } }),
);

const items = Array.from({ length: 3000 }, (_, code) => [String(code), { genre: `g${code % 20}` }] as const);
const empty = createLog({
  user: Int32Array.of(0),
  item: Int32Array.of(0),
  rating: Float32Array.of(3),
  time: Float64Array.of(0),
  label: Uint8Array.of(0),
  users: { ids: ["nobody"], activeCount: 1, attributes: [{}] },
  items: {
    ids: items.map(([id]) => id),
    activeCount: 1,
    attributes: items.map(([, attributes]) => attributes),
  },
  history: { maxLength: 30, ties: "exclude" },
  likedThreshold: 4,
});
const by = ["item", "user", "item.genre", ["user", "item.genre"]] as const;
const { statistics } = fitFeatureMap(
  by.flatMap((key) =>
    (["mean", "deviation", "count"] as const).map((value) => ({
      name: `${value} ${String(key)}`,
      type: "statistic" as const,
      value,
      by: typeof key === "string" ? key : ([...key] as [string, string]),
    })),
  ),
  empty,
  [0],
);
const openedMs = performance.now();
const state = await openServedState(
  store,
  {
    version: `speed-${process.pid}`,
    histories: { latest: 0, of: () => [], earlierOf: () => 0, attributesOf: () => undefined },
    catalogue: createCatalogue(items),
    ties: "exclude",
    likedThreshold: 4,
    statistics: statisticsAtEnd(statistics!, empty),
  },
  { snapshotEvery: 50_000 },
);
say("a state that counts all events anew", {
  events: state.position,
  usPerEvent: Math.round((1000 * (performance.now() - openedMs)) / state.position),
});
await measure("history and 12 statistics of one sample", 3000, async () => {
  const user = someone();
  const { events: history, earlier } = await state.history(user, 20);
  return state.complete([{ user, item: String(asked % 3000), history, earlier }]);
});
await measure("append of one event, counted", 300, () => state.append(events(1)));
await state.close();
await store.close();
await rm(folder, { recursive: true });
