import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crmInferenceProgram } from "@corella/crm";
import { eagerRuntime, initialValues } from "@corella/engine";
import { catalogueFromLog, encodeRows, fitFeatureMap, recordAt, type FeatureMap } from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCrmLane, crmOf, idFeeds, openBundle, saveBundle, type TrainedCrm } from "./index.ts";
import { tinyLog } from "./testing.ts";

let parent = "";
const log = tinyLog();
const catalogue = catalogueFromLog(log);
const runtime = eagerRuntime("cpu");

/** Vectors of all items but that of the second row. */
const items = log.items.ids.filter((_, code) => code !== log.item[1]);
const values = Float32Array.from({ length: 3 * items.length }, (_, i) => Math.sin(i * i));

function crmWithVectors(): TrainedCrm {
  const featureMap = fitFeatureMap(
    [
      { name: "text", type: "text", vectors: "elsewhere/v.safetensors" },
      { name: "affinity", type: "affinity", vectors: "elsewhere/v.safetensors" },
    ],
    log,
    Uint32Array.from({ length: 200 }, (_, row) => row),
    { vectors: new Map([["elsewhere/v.safetensors", { items, values }]]) },
  );
  const config = { model: "DCNv2", embeddingDim: 8, crossLayers: 2, parallelUnits: [16] };
  const initial = initialValues(crmOf(config, featureMap), 1);
  for (const name of Object.keys(initial))
    if (name.startsWith("embedding.")) initial[name] = initial[name]!.map((x) => 8 * x);
  return { config, values: initial, featureMap };
}

const trained = crmWithVectors();
const folder = (): string => join(parent, "bundle");
const vectorsOf = (featureMap: FeatureMap): string =>
  `vectors-${[...featureMap.vectors.keys()][0]}.safetensors`;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "corella-bundle-vectors-"));
  await saveBundle(folder(), { name: "tiny", catalogue, log, crm: trained });
});
afterAll(() => rm(parent, { recursive: true }));

test("an opened bundle answers records as training answered rows, of items without a vector too", async () => {
  const bundle = await openBundle(folder());
  const lane = await createCrmLane(await bundle.crm(), bundle.catalogue, runtime);
  const rows = Uint32Array.from({ length: log.size }, (_, row) => row);
  const { config, values: weights, featureMap } = trained;
  const inference = await runtime.infer(crmInferenceProgram(crmOf(config, featureMap)), weights);
  const { probability } = await inference.run(
    idFeeds(featureMap.features, encodeRows(featureMap, log, rows)),
  );
  const expected = [...probability!.data];
  expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.2);
  const records = Array.from(rows, (row) => recordAt(log, row));
  expect([...(await lane.score(records))]).toEqual(expected);
  const stranger = await lane.score([{ user: null, item: "nobody knows it", history: [] }]);
  expect(stranger[0]).toBeGreaterThan(0);
  await lane.dispose();
});

test("the vectors are one hashed file however many features look them up, and no path is told", async () => {
  const file = vectorsOf(trained.featureMap);
  expect((await readdir(folder())).filter((name) => name.startsWith("vectors-"))).toEqual([file]);
  expect(await readFile(join(folder(), "feature-map.json"), "utf8")).not.toContain("elsewhere");
  const path = join(folder(), file);
  const bytes = await readFile(path);
  await writeFile(path, bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1));
  await expect(openBundle(folder())).rejects.toMatchObject({ code: "bundle/damaged", place: path });
  await writeFile(path, bytes);
  const manifestPath = join(folder(), "manifest.json");
  const manifest = JSON.parse(await readFile(manifestPath, "utf8")) as { files: Record<string, unknown> };
  delete manifest.files[file];
  await writeFile(manifestPath, JSON.stringify(manifest));
  await expect(openBundle(folder())).rejects.toMatchObject({ code: "bundle/damaged", place: manifestPath });
});
