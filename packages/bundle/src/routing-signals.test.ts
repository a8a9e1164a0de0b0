import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialValues } from "@corella/engine";
import {
  catalogueFromLog,
  fitFeatureMap,
  historyLength,
  recordsAt,
  type RatingRecord,
} from "@corella/modality";
import { route, routeAndMix } from "@corella/routing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crmOf, loadPredictor, openBundle, saveBundle, type Router } from "./index.ts";
import { tinyLlm, tinyLog } from "./testing.ts";

const log = tinyLog();
const catalogue = catalogueFromLog(log);
const rows = Uint32Array.from({ length: 100 }, (_, i) => 200 + i);
const featureMap = fitFeatureMap(
  [
    { name: "item", type: "categorical", field: "item" },
    { name: "seen", type: "statistic", value: "count", by: "item" },
  ],
  log,
  rows.map((row) => row - 200),
);
const config = { model: "DCNv2", embeddingDim: 8, crossLayers: 1, parallelUnits: [8] };

/** By 15 events of the user and by 12 of the item, of whom each has some rows on both sides. */
const segments = {
  divisions: [
    { by: "userEvents", ends: [15] },
    { by: "itemEvents", ends: [12] },
  ],
  weights: [0.9, 0, 0.3, 0.6],
  biases: [0.1, 0, -0.2, 0],
} as const;
const byCounts: Router = {
  policy: {
    kind: "gain",
    above: 0.3,
    model: {
      longestHistory: 6,
      counts: [{ of: "itemEvents", most: 40 }],
      coefficients: [0.1, 0.3, 0, 0, 0.1, 0, 0.2, -0.3, 0.1],
    },
  },
  mix: { kind: "addLogits", weight: 0.5, bias: 0, segments },
};

let parent = "";
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "corella-signals-"));
});
afterAll(() => rm(parent, { recursive: true, force: true }));

async function saved(name: string, router: Router): Promise<string> {
  const folder = join(parent, name);
  const crm = crmOf(config, featureMap);
  const values = initialValues(crm, 1);
  for (const table of Object.keys(crm.tables)) values[table] = values[table]!.map((x) => 3000 * x);
  const models = { crm: { config, values, featureMap }, llm: await tinyLlm(log) };
  await saveBundle(folder, { name, catalogue, log, router, ...models });
  return folder;
}

test("a served router weighs and asks by counts of user and item as the log's rows have them", async () => {
  const bundle = await openBundle(await saved("counts", byCounts));
  expect(bundle.router).toEqual(byCounts);
  const predictor = await loadPredictor(bundle);
  const records = recordsAt(log, rows, bundle);
  const online = await predictor.score(records);
  const all = await predictor.score(records, { policy: { kind: "all" } });
  const before = (row: number): number =>
    log.item.subarray(0, row).filter((item) => item === log.item[row]).length;
  const signals = {
    historyLengths: records.map(({ history }) => history.length),
    userEvents: Array.from(rows, (row) => historyLength(log, row)),
    itemEvents: Array.from(rows, before),
  };
  const [pCrm, pLlm] = [all.map((one) => one.pCrm!), all.map((one) => one.pLlm!)].map((p) =>
    Float32Array.from(p),
  );
  const offline = routeAndMix(pCrm!, pLlm!, byCounts.policy, byCounts.mix, signals);
  const asked = online.flatMap(({ route: by }, i) => (by === "llm" ? [i] : []));
  expect(asked).toEqual([...offline.toLlm]);
  for (const [i, { probability }] of online.entries())
    expect(probability).toBeCloseTo(offline.probabilities[i]!, 5);
  // Every segment is there, and the one that is not listened to is not asked about.
  const sent = route(pCrm!, byCounts.policy, signals).toLlm;
  const segmentOf = (i: number): number =>
    2 * Number(signals.userEvents[i]! > 15) + Number(signals.itemEvents[i]! > 12);
  expect(new Set(Array.from(sent, segmentOf))).toEqual(new Set([0, 1, 2, 3]));
  expect(new Set(asked.map(segmentOf))).toEqual(new Set([0, 2, 3]));
  // Who asks for every answer gets them.
  expect(all.every(({ route: by }) => by === "llm")).toBe(true);
  await predictor.dispose();
});

test("of a request nothing is counted but what the bundle has seen of the item, and what it tells of its user", async () => {
  const onlyItem: Router = {
    policy: { kind: "all" },
    mix: {
      kind: "addLogits",
      weight: 1,
      segments: { divisions: [{ by: "itemEvents", ends: [0] }], weights: [0, 1], biases: [0, 0] },
    },
  };
  const predictor = await loadPredictor(await openBundle(await saved("item", onlyItem)));
  const request = (item: string): RatingRecord => ({
    user: null,
    item,
    history: [{ item: "item-3", rating: 4 }],
  });
  // The last item of the log has no event.
  const [known, fresh] = await predictor.score([request("item-3"), request("item-19")]);
  expect([known!.route, fresh!.route]).toEqual(["llm", "crm"]);
  await predictor.dispose();
  const byUser: Router = {
    policy: { kind: "all" },
    mix: {
      kind: "addLogits",
      weight: 1,
      segments: { divisions: [{ by: "userEvents", ends: [2] }], weights: [1, 0], biases: [0, 0] },
    },
  };
  const ofUsers = await loadPredictor(await openBundle(await saved("user", byUser)));
  const [short, long] = await ofUsers.score([request("item-3"), { ...request("item-3"), earlier: 2 }]);
  expect([short!.route, long!.route]).toEqual(["llm", "crm"]);
  await ofUsers.dispose();
});
