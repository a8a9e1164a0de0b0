import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eagerRuntime, initialValues } from "@corella/engine";
import { createGenerator } from "@corella/random";
import { crmInferenceProgram } from "@corella/crm";
import { catalogueFromLog, createLog, encodeRows, fitFeatureMap, recordAt } from "@corella/modality";
import * as ort from "onnxruntime-node";
import { beforeAll, expect, test } from "vitest";
import { crmOf, idFeeds, loadCrm, saveCrm } from "./index.ts";

const random = createGenerator(3, "log");
const rows = 120;
const rating = Float32Array.from({ length: rows }, () => 1 + random.integer(5));
const log = createLog({
  user: Int32Array.from({ length: rows }, () => random.integer(6)),
  item: Int32Array.from({ length: rows }, () => random.integer(9)),
  rating,
  time: Float64Array.from({ length: rows }, (_, row) => 1e9 + row),
  label: Uint8Array.from(rating, (stars) => (stars >= 4 ? 1 : 0)),
  users: {
    ids: ["a", "b", "c", "d", "e", "f"],
    activeCount: 6,
    attributes: Array.from({ length: 6 }, (_, code) => ({ age: String(20 + code) })),
  },
  items: {
    ids: Array.from({ length: 9 }, (_, code) => `item-${code}`),
    activeCount: 9,
    attributes: Array.from({ length: 9 }, (_, code) => ({ year: 1990 + code })),
  },
  history: { maxLength: 4, ties: "exclude" },
  likedThreshold: 4,
});
const all = Uint32Array.from({ length: rows }, (_, row) => row);
const featureMap = fitFeatureMap(
  [
    { name: "user", type: "categorical", field: "user" },
    { name: "age", type: "categorical", field: "user.age" },
    { name: "item", type: "categorical", field: "item" },
    { name: "year", type: "numeric", field: "item.year", transform: "standard" },
    {
      name: "liked",
      type: "sequence",
      field: "history.item",
      maxLength: 4,
      pooling: "mean",
      where: "liked",
      shareWith: "item",
    },
  ],
  log,
  all,
);
const config = { model: "DeepFM", embeddingDim: 4, hiddenUnits: [8] };
const part = crmOf(config, featureMap);
// First values are so small that every answer would be near 0.5.
const values = initialValues(part, 1);
for (const table of Object.keys(part.tables)) values[table] = values[table]!.map((x) => 3000 * x);

let folder = "";
beforeAll(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "corella-crm-")), "crm");
  await saveCrm(folder, { config, values }, { featureMap, catalogue: catalogueFromLog(log) });
});

/** What the model says of rows, on the reference runtime and without any folder. */
async function expected(): Promise<number[]> {
  const inference = await eagerRuntime("cpu").infer(crmInferenceProgram(part), values);
  const { probability } = await inference.run(idFeeds(featureMap.features, encodeRows(featureMap, log, all)));
  return [...probability!.data];
}

test("a saved CRM answers records as the model answered rows, attributes of items from its catalogue", async () => {
  const crm = await loadCrm(folder);
  const records = Array.from(all, (row) => ({ ...recordAt(log, row), itemAttributes: undefined }));
  const probabilities = await crm.score(records);
  const reference = await expected();
  expect(Math.max(...reference) - Math.min(...reference)).toBeGreaterThan(0.2);
  probabilities.forEach((probability, i) => expect(probability).toBeCloseTo(reference[i]!, 5));
  expect(await crm.score([])).toEqual(new Float32Array(0));
  await crm.dispose();
});

test("its ONNX file gives the same in onnxruntime, for another batch size", async () => {
  const crm = await loadCrm(folder);
  const path = join(folder, "../crm.onnx");
  await crm.exportOnnx(path);
  await crm.dispose();
  const session = await ort.InferenceSession.create(path);
  const feeds = idFeeds(featureMap.features, encodeRows(featureMap, log, all.subarray(0, 7)), "input.");
  const outputs = await session.run(
    Object.fromEntries(
      Object.entries(feeds).map(([name, { shape, data }]) => [name, new ort.Tensor(data, [...shape])]),
    ),
  );
  const reference = await expected();
  const probabilities = outputs["output.probability"]!.data as Float32Array;
  expect(probabilities).toHaveLength(7);
  for (const [i, probability] of probabilities.entries()) expect(probability).toBeCloseTo(reference[i]!, 5);
});

test("a folder that is none, or damaged, is told", async () => {
  await expect(loadCrm(join(folder, "../nowhere"))).rejects.toMatchObject({ code: "bundle/missing" });
  const other = join(folder, "../damaged");
  await saveCrm(other, { config, values }, { featureMap, catalogue: catalogueFromLog(log) });
  await writeFile(join(other, "crm.json"), "{}");
  await expect(loadCrm(other)).rejects.toMatchObject({ code: "bundle/damaged" });
  await rm(other, { recursive: true });
});
