import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crmInferenceProgram } from "@corella/crm";
import { eagerRuntime, initialValues } from "@corella/engine";
import {
  catalogueFromLog,
  createLog,
  encodeRows,
  fitFeatureMap,
  recordAt,
  recordsAt,
  statisticsFromFiles,
  statisticsToFiles,
  type InteractionLog,
  type RatingRecord,
  type RunningStatistics,
} from "@corella/modality";
import { parseSafetensors, serializeSafetensors } from "@corella/safetensors";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createCrmLane,
  crmOf,
  idFeeds,
  loadPredictor,
  openBundle,
  saveBundle,
  type TrainedCrm,
} from "./index.ts";
import { saveTinyBundle, tinyLog } from "./testing.ts";

let parent = "";
const whole = tinyLog(); // one event an hour
const known = 280;
const later = Uint32Array.from({ length: whole.size - known }, (_, i) => known + i);
const catalogue = catalogueFromLog(whole);
const runtime = eagerRuntime("cpu");

/** The log's first rows, which are what a bundle knows. */
function firstRows(log: InteractionLog, size: number): InteractionLog {
  const { user, item, rating, time, label } = log;
  const [users, items, ratings] = [user.slice(0, size), item.slice(0, size), rating.slice(0, size)];
  const rest = { time: time.slice(0, size), label: label.slice(0, size) };
  return createLog({ ...log, user: users, item: items, rating: ratings, ...rest });
}

/** An untrained CRM, half of whose features are statistics. */
function crmWithStatistics(log: InteractionLog): TrainedCrm {
  const featureMap = fitFeatureMap(
    [
      { name: "item", type: "categorical", field: "item" },
      { name: "item_mean", type: "statistic", value: "mean", by: "item", encoding: "both" },
      { name: "user_deviation", type: "statistic", value: "deviation", by: "user", halfLife: "2d" },
      { name: "taste", type: "statistic", value: "mean", of: "label", by: ["user", "item.genres"] },
      { name: "pause", type: "statistic", value: "sinceLast", by: "user.country", encoding: "buckets" },
    ],
    log,
    Uint32Array.from({ length: 200 }, (_, row) => row),
  );
  const config = { model: "DCNv2", embeddingDim: 8, crossLayers: 2, parallelUnits: [16] };
  const part = crmOf(config, featureMap);
  const values = initialValues(part, 1);
  for (const name of Object.keys(part.tables)) values[name] = values[name]!.map((x) => 3000 * x);
  return { config, values, featureMap };
}

const trained = crmWithStatistics(firstRows(whole, known));

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "corella-statistics-"));
  const log = firstRows(whole, known);
  await saveBundle(join(parent, "crm"), { name: "tiny", catalogue, log, crm: trained });
});
afterAll(() => rm(parent, { recursive: true }));

async function offline(rows: Uint32Array): Promise<number[]> {
  const { config, values, featureMap } = trained;
  const inference = await runtime.infer(crmInferenceProgram(crmOf(config, featureMap)), values);
  const { probability } = await inference.run(
    idFeeds(featureMap.features, encodeRows(featureMap, whole, rows)),
  );
  return [...probability!.data];
}

test("what is served after the log's end is what the longer log gives its rows, event after event", async () => {
  const bundle = await openBundle(join(parent, "crm"));
  const crm = await bundle.crm();
  const lane = await createCrmLane(crm, bundle.catalogue, runtime);
  const expected = await offline(later);
  expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.2);
  for (const [i, row] of later.entries()) {
    const record = { ...recordAt(whole, row), itemAttributes: undefined };
    expect([...(await lane.score([record]))], `row ${row}`).toEqual([expected[i]]);
    const [rating, label, time] = [whole.rating[row]!, whole.label[row]!, whole.time[row]!];
    crm.statistics!.observe({ ...record, rating, label, time }, bundle.catalogue);
  }
  await lane.dispose();
});

test("records of the log bring the statistics of their own time along", async () => {
  const rows = Uint32Array.of(0, 5, 120, 279);
  const lane = await createCrmLane(trained, catalogue, runtime); // without anything that was counted
  expect([...(await lane.score(recordsAt(whole, rows, trained.featureMap)))]).toEqual(await offline(rows));
  await expect(lane.score([recordAt(whole, 5)])).rejects.toMatchObject({ code: "features/no-statistics" });
  await lane.dispose();
});

test("a record without a time is asked as of now, and so are its user's events", async () => {
  let now = whole.time[known]!;
  const bundle = await openBundle(join(parent, "crm"));
  const predictor = await loadPredictor(bundle, { runtime: { kind: "tfjs-cpu" }, now: () => now });
  const { time: _, ...untimed } = recordAt(whole, known);
  const answer = async (record: RatingRecord): Promise<number> =>
    (await predictor.score([record]))[0]!.probability;
  const first = await answer(untimed);
  expect(first).toBe(await answer({ ...untimed, time: now }));
  now += 30 * 86_400;
  const older = await answer(untimed);
  expect(older).not.toBe(first);
  expect(older).toBe(await answer({ ...untimed, time: now }));
  // An event that the bundle has not seen.
  const { item } = recordAt(whole, 0);
  const history = [...untimed.history, { item, rating: 1, time: now - 10 }];
  expect(await answer({ ...untimed, history })).not.toBe(older);
  await predictor.dispose();
});

test("what was counted is saved and read to the bit, however many events came after the log's end", async () => {
  const open = async (): Promise<RunningStatistics> =>
    (await (await openBundle(join(parent, "crm"))).crm()).statistics!;
  const inMemory = await open();
  let restarted = await open();
  for (const row of later) {
    const [rating, label, time] = [whole.rating[row]!, whole.label[row]!, whole.time[row]!];
    for (const each of [inMemory, restarted])
      each.observe({ ...recordAt(whole, row), rating, label, time }, catalogue);
    const files = statisticsToFiles(restarted);
    const json: unknown = JSON.parse(JSON.stringify(files.json));
    const { tensors } = parseSafetensors(serializeSafetensors(files.tensors));
    restarted = statisticsFromFiles(inMemory.plan, { json, tensors }, "files");
    expect(statisticsToFiles(restarted)).toEqual(files);
  }
  expect(statisticsToFiles(restarted)).toEqual(statisticsToFiles(inMemory));
});

test("only a bundle with statistics has their files, and misses them", async () => {
  const folder = join(parent, "crm");
  const own = ["statistics.json", "statistics.safetensors"];
  expect(await readdir(folder)).toEqual(expect.arrayContaining(own));
  await saveTinyBundle(join(parent, "without"), ["crm"]);
  expect((await readdir(join(parent, "without"))).filter((file) => own.includes(file))).toEqual([]);
  const path = join(folder, "manifest.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as { files: Record<string, unknown> };
  delete manifest.files["statistics.json"];
  await writeFile(path, JSON.stringify(manifest));
  await expect(openBundle(folder)).rejects.toMatchObject({ code: "bundle/damaged" });
});
