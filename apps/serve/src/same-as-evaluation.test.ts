import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  crmOf,
  loadPredictor,
  openBundle,
  routingSignals,
  saveBundle,
  type Bundle,
  type Router,
  type TrainedCrm,
} from "@corella/bundle";
import { tinyLlm, tinyLog } from "@corella/bundle/testing";
import { initialValues } from "@corella/engine";
import {
  catalogueFromLog,
  createLog,
  fitFeatureMap,
  recordsAt,
  type InteractionLog,
} from "@corella/modality";
import { routeAndMix } from "@corella/routing";
import { openStore } from "@corella/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "./app.ts";
import { createDeployment } from "./deployment/deployment.ts";
import { oneDeployment } from "./deployment/deployments.ts";
import { exampleRequest } from "./deployment/example.ts";
import { describeBundle } from "./deployment/info.ts";
import { modelInputs } from "./deployment/model-inputs.ts";
import { openEvents } from "./deployment/open-events.ts";
import { listen } from "./http/listen.ts";

const whole = tinyLog();
/** Rows that the bundle knows; those after are told to the server, one after the other. */
const known = 280;
const later = Uint32Array.from({ length: whole.size - known }, (_, i) => known + i);

/** Reads all that a router may: entropy, and what was counted of users and items. */
const router: Router = {
  policy: {
    kind: "gain",
    above: 0.4,
    model: {
      longestHistory: 6,
      counts: [{ of: "itemEvents", most: 20 }],
      coefficients: [-0.3, 0.4, 0, 0.2, 0, 0, 0.3, 0, 0],
    },
  },
  mix: {
    kind: "addLogits",
    weight: 0.5,
    segments: {
      divisions: [{ by: "userEvents", ends: [25] }],
      weights: [0.4, 0.7],
      biases: [0.1, -0.2],
    },
  },
};

function firstRows(log: InteractionLog, size: number): InteractionLog {
  const { user, item, rating, time, label } = log;
  const [users, items, ratings] = [user.slice(0, size), item.slice(0, size), rating.slice(0, size)];
  const rest = { time: time.slice(0, size), label: label.slice(0, size) };
  return createLog({ ...log, user: users, item: items, rating: ratings, ...rest });
}

function crmWithStatistics(log: InteractionLog): TrainedCrm {
  const featureMap = fitFeatureMap(
    [
      { name: "item", type: "categorical", field: "item" },
      { name: "item_count", type: "statistic", value: "count", by: "item" },
      { name: "item_mean", type: "statistic", value: "mean", by: "item", encoding: "both" },
      { name: "taste", type: "statistic", value: "mean", of: "label", by: ["user", "item.genres"] },
      { name: "pause", type: "statistic", value: "sinceLast", by: "user", encoding: "buckets" },
    ],
    log,
    Uint32Array.from({ length: 200 }, (_, row) => row),
  );
  const config = { model: "DCNv2", embeddingDim: 8, crossLayers: 2, parallelUnits: [16] };
  const part = crmOf(config, featureMap);
  const values = initialValues(part, 1);
  // First values are so small that every answer would be near 0.5.
  for (const [name, value] of Object.entries(values))
    values[name] = value.map((x) => (name in part.tables ? 3000 : 3) * x);
  return { config, values, featureMap };
}

let folder = "";
let bundle: Bundle;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-same-"));
  const log = firstRows(whole, known);
  const llm = await tinyLlm(log);
  const template =
    "{{user_history}} of one with {{user.count}} ratings. {{target_item}}, rated {{item.mean | round(1)}}? ";
  await saveBundle(join(folder, "bundle"), {
    name: "tiny",
    catalogue: catalogueFromLog(whole),
    log,
    crm: crmWithStatistics(log),
    llm: { ...llm, maxTokens: 200, prompt: { ...llm.prompt, template } },
    router,
  });
  bundle = await openBundle(join(folder, "bundle"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What `pnpm evaluate` computes of rows: every model asked about every row of the whole log, then routed and mixed. */
async function evaluated(rows: Uint32Array): Promise<{ probabilities: Float32Array; toLlm: Set<number> }> {
  const { featureMap, catalogue } = bundle;
  const predictor = await loadPredictor(bundle);
  const records = recordsAt(whole, rows, bundle);
  const answers = await predictor.score(records, { policy: { kind: "all" } });
  await predictor.dispose();
  const signals = routingSignals(records, { featureMap: featureMap!, catalogue });
  const [crm, llm] = [
    Float32Array.from(answers, ({ pCrm }) => pCrm!),
    Float32Array.from(answers, ({ pLlm }) => pLlm!),
  ];
  const { probabilities, toLlm } = routeAndMix(crm, llm, router.policy, router.mix, signals);
  return { probabilities, toLlm: new Set(toLlm) };
}

test("scores, ranks and explanations over HTTP are what an evaluation computes, running statistics and fresh events included", async () => {
  const histories = await bundle.histories();
  const info = await describeBundle(bundle, histories);
  const log = (): void => {};
  const of = { histories, version: info.bundle.version, log };
  const store = await openStore(join(folder, "events.db"));
  const events = await openEvents(store, bundle, of);
  const predictor = await loadPredictor(bundle, { prefixCacheBytes: 1e7 });
  const deployment = createDeployment({
    predictor,
    histories,
    catalogue: bundle.catalogue,
    events,
    info,
    log,
    inputs: modelInputs(bundle),
    example: exampleRequest(bundle, histories),
  });
  const app = createApp(oneDeployment(deployment), { log });
  const server = await listen({ host: "127.0.0.1", port: 0 }, app);
  const post = async <T>(path: string, body: object): Promise<T> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return JSON.parse(text) as T;
  };

  const expected = await evaluated(later);
  // The rows tell something: both models have the word, and no two answers are alike.
  expect(expected.toLlm.size).toBeGreaterThan(3);
  expect(expected.toLlm.size).toBeLessThan(later.length - 3);
  expect(new Set(expected.probabilities).size).toBe(later.length);
  for (const [i, row] of later.entries()) {
    const probability = expected.probabilities[i]!;
    const route = expected.toLlm.has(i) ? "llm" : "crm";
    const user = whole.users.ids[whole.user[row]!]!;
    const item = whole.items.ids[whole.item[row]!]!;
    const other = whole.items.ids[(whole.item[row]! + 1) % whole.items.ids.length]!;
    const time = whole.time[row]!;
    type Said = { readonly item: string; readonly probability: number; readonly route: string };
    const scored = await post<Said>("/v1/score", { user, item, time });
    const { items } = await post<{ items: Said[] }>("/v1/rank", { user, time, candidates: [other, item] });
    const explained = await post<Said & { record: { statistics: object } }>("/v1/explain", {
      user,
      item,
      time,
    });
    expect(Object.keys(explained.record.statistics)).toContain("item_count");
    for (const said of [scored, items.find((each) => each.item === item)!, explained]) {
      expect(said.route, `row ${row}`).toBe(route);
      expect(Math.abs(said.probability - probability), `row ${row}`).toBeLessThan(1e-6);
    }
    await post("/v1/events", {
      id: `row-${row}`,
      user,
      item,
      time,
      label: whole.label[row]!,
      rating: Number(whole.rating[row]!.toPrecision(7)),
    });
  }
  await server.close(1000);
  await predictor.dispose();
  await events.close();
  await store.close();
});
