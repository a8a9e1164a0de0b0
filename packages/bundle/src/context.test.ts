import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eagerRuntime, initialValues } from "@corella/engine";
import {
  catalogueFromLog,
  createLog,
  fitFeatureMap,
  recordsAt,
  type InteractionLog,
} from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCrmLane, crmOf, loadPredictor, openBundle, saveBundle, type TrainedCrm } from "./index.ts";
import { tinyLlm, tinyLog } from "./testing.ts";

let parent = "";
const log = createLog({
  ...tinyLog(),
  context: [
    {
      name: "device",
      codes: Int32Array.from({ length: 300 }, (_, row) => (row % 7) % 3),
      values: [undefined, "phone", "tv"],
    },
    {
      name: "price",
      codes: Int32Array.from({ length: 300 }, (_, row) => row % 4),
      values: [undefined, 1.5, 2, 30],
    },
  ],
});
const catalogue = catalogueFromLog(log);
const runtime = { kind: "tfjs-cpu" } as const;
const rows = Uint32Array.from({ length: 20 }, (_, row) => 280 + row);

/** An untrained CRM of numbers that may be missing and of context. */
function crmOfContext(): TrainedCrm {
  const featureMap = fitFeatureMap(
    [
      { name: "item", type: "categorical", field: "item" },
      { name: "device", type: "categorical", field: "device" },
      { name: "price", type: "numeric", field: "price", transform: "log" },
      { name: "gap", type: "numeric", field: "time.sinceLast", transform: "log" },
      { name: "device_mean", type: "statistic", value: "mean", by: ["item", "device"] },
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

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "corella-context-"));
  await saveBundle(join(parent, "crm"), { name: "crm", catalogue, log, crm: crmOfContext() });
  const llm = await tinyLlm(log);
  const prompt = { ...llm.prompt, template: "{{context.device}}: {{target_item}}?" };
  await saveBundle(join(parent, "llm"), { name: "llm", catalogue, log, llm: { ...llm, prompt } });
});
afterAll(() => rm(parent, { recursive: true }));

test("a bundle knows the context of its data, and answers as the model did", async () => {
  const bundle = await openBundle(join(parent, "crm"));
  expect(Object.keys(bundle.context!)).toEqual(["device", "price"]);
  expect(log.context![0]!.values).toContain(bundle.context!.device);
  const records = recordsAt(log, rows, bundle);
  const lane = await createCrmLane(crmOfContext(), catalogue, eagerRuntime("cpu"));
  const direct = await lane.score(records);
  const predictor = await loadPredictor(bundle, { runtime });
  const served = await predictor.score(records);
  expect(served.map(({ probability }) => probability)).toEqual([...direct]);
  // Another device, another answer.
  const elsewhere = records.map((record) => ({ ...record, context: { ...record.context, device: "tv" } }));
  expect((await predictor.score(elsewhere)).map(({ probability }) => probability)).not.toEqual([...direct]);
  await predictor.dispose();
});

test("an answer says which inputs were missing, of the prompt too", async () => {
  const [sample] = recordsAt(log, rows.subarray(0, 1), undefined);
  const full = { ...sample!, context: { device: "tv", price: 2 } };
  const missingOf = async (name: string, record: object): Promise<readonly string[] | undefined> => {
    const predictor = await loadPredictor(await openBundle(join(parent, name)), { runtime, now: () => 2e9 });
    const [answer] = await predictor.score([{ ...full, ...record }]);
    await predictor.dispose();
    return answer!.missing;
  };
  expect(await missingOf("crm", {})).toBeUndefined();
  expect(await missingOf("crm", { context: { price: 2 } })).toEqual(["device", "device_mean"]);
  expect(await missingOf("crm", { context: undefined, history: [] })).toEqual([
    "device",
    "price",
    "gap",
    "device_mean",
  ]);
  expect(await missingOf("llm", {})).toBeUndefined();
  expect(await missingOf("llm", { context: {} })).toEqual(["context.device"]);
});

test("records of data with another window or other ties are refused", async () => {
  const withHistory = (history: InteractionLog["history"]): InteractionLog => createLog({ ...log, history });
  for (const name of ["crm", "llm"]) {
    const bundle = await openBundle(join(parent, name));
    expect(() => recordsAt(withHistory({ maxLength: 2, ties: "exclude" }), rows, bundle)).toThrow(
      expect.objectContaining({ code: "features/short-window", place: "data.history.maxLength" }),
    );
    expect(() => recordsAt(withHistory({ maxLength: 6, ties: "order" }), rows, bundle)).toThrow(
      expect.objectContaining({ code: "features/other-ties" }),
    );
    // A longer window is cut to that of the bundle.
    const longer = recordsAt(withHistory({ maxLength: 30, ties: "exclude" }), rows, bundle);
    expect(longer).toEqual(recordsAt(log, rows, bundle));
  }
});

test("bundles of before, which say neither histories nor context, are read", async () => {
  const folder = join(parent, "crm");
  const said = JSON.parse(await readFile(join(folder, "bundle.json"), "utf8")) as Record<string, unknown>;
  expect(said).toMatchObject({ history: { maxLength: 6, ties: "exclude" } });
  const before = `${JSON.stringify({ name: "crm" }, undefined, 2)}\n`;
  await writeFile(join(folder, "bundle.json"), before);
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as {
    files: Record<string, { bytes: number; sha256: string }>;
  };
  manifest.files["bundle.json"] = {
    ...manifest.files["bundle.json"]!,
    bytes: before.length,
    sha256: createHash("sha256").update(before).digest("hex"),
  };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  const bundle = await openBundle(folder);
  expect(bundle).toMatchObject({ historyLength: 6, historyTies: undefined, context: undefined });
});
