import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crmInferenceProgram } from "@corella/crm";
import { eagerRuntime, onnxRuntime } from "@corella/engine";
import { catalogueFromLog, encodeRows, type PromptConfig, recordAt } from "@corella/modality";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createLlmLane,
  crmOf,
  idFeeds,
  loadPredictor,
  openBundle,
  openCrmLane,
  openLlmLane,
  saveBundle,
  type BundleContents,
} from "./index.ts";
import { saveTinyBundle, tinyCrm, tinyLlm, tinyLog, tinyT5 } from "./testing.ts";
import { startWorkerLane } from "./worker-lane.ts";

let parent = "";
const folderOf = (name: string): string => join(parent, name);
const log = tinyLog();
const all = Uint32Array.from({ length: log.size }, (_, row) => row);
const records = Array.from(all, (row) => recordAt(log, row));
const router = { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "replace" } } as const;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "corella-bundle-"));
  await saveTinyBundle(folderOf("both"));
  await saveTinyBundle(folderOf("crm"), ["crm"]);
  await saveTinyBundle(folderOf("llm"), ["llm"]);
});
afterAll(() => rm(parent, { recursive: true }));

/** What the CRM says of the log's rows on the reference runtime and without any folder. */
async function crmReference(): Promise<number[]> {
  const { config, values, featureMap } = tinyCrm(log);
  const inference = await eagerRuntime("cpu").infer(crmInferenceProgram(crmOf(config, featureMap)), values);
  const { probability } = await inference.run(idFeeds(featureMap.features, encodeRows(featureMap, log, all)));
  return [...probability!.data];
}

function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual).toHaveLength(expected.length);
  for (let i = 0; i < actual.length; i++) expect(actual[i]).toBeCloseTo(expected[i]!, 5);
}

describe("a T5", () => {
  test("lies in a folder of its own, answers as before, and no server answers for it", async () => {
    const llm = await tinyT5(log);
    const some = records.slice(-40);
    const lane = await createLlmLane(llm, catalogueFromLog(log), onnxRuntime());
    const expected = await lane.score(some);
    await lane.dispose();
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.01);
    const folder = folderOf("t5");
    await saveBundle(folder, { name: "t5", catalogue: catalogueFromLog(log), log, llm });
    expect((await readdir(join(folder, "t5"))).sort()).toEqual([
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const bundle = await openBundle(folder);
    expect(bundle).toMatchObject({ models: ["llm"], llmKind: "t5" });
    expect((await bundle.llmAsking()).tokenizer.json).toBe(llm.tokenizer.json);
    const predictor = await loadPredictor(bundle, { prefixCacheBytes: 1e6 });
    expectSame(
      (await predictor.score(some)).map(({ probability }) => probability),
      expected,
    );
    await predictor.dispose();
    const remoteLlm = { baseUrl: "http://127.0.0.1:9", model: "t5" };
    await expect(loadPredictor(bundle, { remoteLlm })).rejects.toMatchObject({ code: "bundle/remote" });
  });
});

describe("a CRM alone", () => {
  test("the folder holds what a CRM needs, and nothing of an LLM or a router", async () => {
    expect((await readdir(folderOf("crm"))).sort()).toEqual([
      "bundle.json",
      "catalogue.json",
      "config.yaml",
      "crm.json",
      "crm.safetensors",
      "feature-map.json",
      "histories.json",
      "histories.safetensors",
      "manifest.json",
    ]);
    const bundle = await openBundle(folderOf("crm"));
    expect(bundle).toMatchObject({ name: "tiny", models: ["crm"], prompt: undefined, router: undefined });
    expect(bundle.featureMap!.features.map(({ name }) => name)).toContain("genre");
    await expect(bundle.llm()).rejects.toMatchObject({ code: "bundle/no-model", place: folderOf("crm") });
    await expect(bundle.llmAsking()).rejects.toMatchObject({ code: "bundle/no-model" });
    expect((await bundle.histories()).has("user-0")).toBe(true);
  });

  test("it answers records as the model answered rows, attributes of items from its catalogue", async () => {
    const crm = await openCrmLane(await openBundle(folderOf("crm")));
    const bare = records.map((record) => ({ ...record, itemAttributes: undefined }));
    const reference = await crmReference();
    expect(Math.max(...reference) - Math.min(...reference)).toBeGreaterThan(0.2);
    expectSame(await crm.score(bare), reference);
    expect(await crm.score([])).toEqual(new Float32Array(0));
    await crm.dispose();
  });

  test("its ONNX file gives the same in onnxruntime, for another batch size; so does that of a whole bundle", async () => {
    const reference = await crmReference();
    for (const name of ["crm", "both"]) {
      const bundle = await openBundle(folderOf(name));
      const crm = await openCrmLane(bundle);
      const path = join(parent, "crm.onnx");
      await crm.exportOnnx(path);
      await crm.dispose();
      const session = await ort.InferenceSession.create(path);
      const { featureMap } = bundle;
      const batch = encodeRows(featureMap!, log, all.subarray(0, 7));
      const outputs = await session.run(
        Object.fromEntries(
          Object.entries(idFeeds(featureMap!.features, batch, "input.")).map(([input, { shape, data }]) => [
            input,
            new ort.Tensor(data, [...shape]),
          ]),
        ),
      );
      expectSame(outputs["output.probability"]!.data as Float32Array, reference.slice(0, 7));
    }
  });

  test.each([false, true])("its Predictor asks nobody else, workers: %s", async (workers) => {
    const predictor = await loadPredictor(await openBundle(folderOf("crm")), { workers });
    const answers = await predictor.score(records, { policy: { kind: "all" } });
    await predictor.dispose();
    expect(new Set(answers.map(({ route }) => route))).toEqual(new Set(["crm"]));
    expectSame(
      answers.map(({ probability }) => probability),
      await crmReference(),
    );
    expect(answers[0]).toMatchObject({
      pCrm: answers[0]!.probability,
      entropy: expect.any(Number) as number,
    });
    expect(answers[0]).not.toHaveProperty("pLlm");
  });

  test("a server for its LLM is refused", async () => {
    const remoteLlm = { baseUrl: "http://127.0.0.1:1/v1", model: "x" };
    await expect(loadPredictor(await openBundle(folderOf("crm")), { remoteLlm })).rejects.toMatchObject({
      code: "bundle/no-model",
      remedy: expect.stringContaining("CRM") as string,
    });
  });
});

describe("an LLM alone", () => {
  test("the folder holds what an LLM needs, and neither features nor a router", async () => {
    expect((await readdir(folderOf("llm"))).sort()).toEqual([
      "adapter",
      "bundle.json",
      "catalogue.json",
      "config.yaml",
      "histories.json",
      "histories.safetensors",
      "llm",
      "manifest.json",
      "prompt.json",
    ]);
    const bundle = await openBundle(folderOf("llm"));
    expect(bundle).toMatchObject({ models: ["llm"], featureMap: undefined, router: undefined });
    expect(bundle.prompt).toMatchObject({ historyLength: 6, labelThreshold: log.likedThreshold });
    await expect(bundle.crm()).rejects.toMatchObject({ code: "bundle/no-model", place: folderOf("llm") });
  });

  test.each([false, true])("its Predictor asks it about every record, workers: %s", async (workers) => {
    const some = records.slice(0, 40);
    const lane = await createLlmLane(await tinyLlm(log), catalogueFromLog(log), onnxRuntime());
    const expected = await lane.score(some);
    await lane.dispose();
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1);
    const predictor = await loadPredictor(await openBundle(folderOf("llm")), { workers });
    const answers = await predictor.score(some, { policy: { kind: "none" } });
    await predictor.dispose();
    expectSame(
      answers.map(({ probability }) => probability),
      expected,
    );
    expect(answers[0]).toEqual({ route: "llm", probability: answers[0]!.pLlm, pLlm: answers[0]!.pLlm });
  });

  test("a prompt of before, which does not know the label's threshold, still opens", async () => {
    const folder = folderOf("before");
    await cp(folderOf("llm"), folder, { recursive: true });
    const path = join(folder, "prompt.json");
    const { labelThreshold: _, ...before } = JSON.parse(await readFile(path, "utf8")) as PromptConfig;
    await writeFile(path, JSON.stringify(before));
    expect((await openBundle(folder, { verify: false })).prompt).toEqual(before);
  });

  test("words that say the same are kept", async () => {
    const catalogue = catalogueFromLog(log);
    const llm = await tinyLlm(log);
    const variants = { yes: [5, 6], no: [7] };
    const answers = { ...llm.answers, variants };
    await saveBundle(folderOf("variants"), { name: "variants", catalogue, log, llm: { ...llm, answers } });
    const bundle = await openBundle(folderOf("variants"));
    expect((await bundle.llmAsking()).answers).toEqual(answers);
    const lane = await createLlmLane({ ...llm, answers }, catalogue, onnxRuntime());
    const predictor = await loadPredictor(bundle);
    const some = records.slice(0, 9);
    const scored = await predictor.score(some);
    expectSame(
      scored.map(({ probability }) => probability),
      await lane.score(some),
    );
    await predictor.dispose();
    await lane.dispose();
  });

  test("vectors of items come along where the prompt retrieves", async () => {
    const catalogue = catalogueFromLog(log);
    const llm = await tinyLlm(log);
    const itemVectors = {
      items: catalogue.ids,
      values: Float32Array.from({ length: 2 * catalogue.ids.length }, (_, i) => i),
    };
    await saveBundle(folderOf("retrieving"), {
      name: "retrieving",
      catalogue,
      log,
      llm: { ...llm, prompt: { ...llm.prompt, retrieval: "llm" }, itemVectors },
    });
    const bundle = await openBundle(folderOf("retrieving"));
    expect((await bundle.llmAsking()).itemVectors).toEqual(itemVectors);
    expect(bundle.runConfig).toBeUndefined();
    const lane = await openLlmLane(bundle);
    expect(await lane.score(records.slice(0, 1))).toHaveLength(1);
    await lane.dispose();
  });
});

test("an LLM that keeps what it computed of a user answers the next requests alike, in this thread and in its own", async () => {
  const bundle = await openBundle(folderOf("llm"));
  const told = (events: number): typeof records =>
    records.slice(0, 5).map((record) => ({ ...record, history: record.history.slice(0, events) }));
  const plain = await openLlmLane(bundle);
  const options = { prefixCacheBytes: 1e6 };
  const kept = [
    await openLlmLane(bundle, options),
    await startWorkerLane({ folder: folderOf("llm"), lane: "llm", options }),
  ];
  for (const events of [1, 2, 3, 3]) {
    const wanted = await plain.score(told(events));
    for (const lane of kept) {
      const found = await lane.score(told(events));
      wanted.forEach((p, i) => expect(Math.abs(found[i]! - p)).toBeLessThan(1e-5));
    }
  }
  await Promise.all([plain, ...kept].map((lane) => lane.dispose()));
});

describe("both models", () => {
  test("each is as it would be alone", async () => {
    const bundle = await openBundle(folderOf("both"));
    expect(bundle).toMatchObject({ models: ["crm", "llm"], router });
    for (const [model, file] of [
      ["crm", "crm.safetensors"],
      ["crm", "feature-map.json"],
      ["llm", "prompt.json"],
      ["llm", "llm/model.safetensors"],
      ["llm", "bundle.json"],
    ] as const) {
      const [alone, together] = await Promise.all(
        [model, "both"].map((name) => readFile(join(folderOf(name), file))),
      );
      expect(alone!.equals(together!), file).toBe(true);
    }
    const predictor = await loadPredictor(bundle);
    const answers = await predictor.score(records);
    await predictor.dispose();
    expect(new Set(answers.map(({ route }) => route))).toEqual(new Set(["crm", "llm"]));
  });
});

describe("what is no bundle", () => {
  const contents = (changes: Partial<BundleContents>): BundleContents => ({
    name: "x",
    catalogue: catalogueFromLog(log),
    log,
    ...changes,
  });

  test("is not written", async () => {
    const [crm, llm] = [tinyCrm(log), await tinyLlm(log)];
    for (const [changes, code] of [
      [{}, "bundle/empty"],
      [{ router }, "bundle/empty"],
      [{ crm, router }, "bundle/router"],
      [{ llm, router }, "bundle/router"],
      [{ crm, llm }, "bundle/router"],
    ] as const) {
      await expect(saveBundle(folderOf("none"), contents(changes))).rejects.toMatchObject({
        code,
        place: folderOf("none"),
        remedy: expect.any(String) as string,
      });
    }
    expect(await readdir(parent)).not.toContain("none");
  });

  test("is not opened", async () => {
    await expect(openBundle(folderOf("nowhere"))).rejects.toMatchObject({ code: "bundle/missing" });
    const path = join(folderOf("both"), "manifest.json");
    const text = await readFile(path, "utf8");
    const manifest = JSON.parse(text) as { files: Record<string, object> };
    const without = (...removed: string[]): object => ({
      ...manifest,
      files: Object.fromEntries(Object.entries(manifest.files).filter(([file]) => !removed.includes(file))),
    });
    for (const [changed, code] of [
      [without("crm.json", "prompt.json"), "bundle/empty"],
      [without("crm.json"), "bundle/router"],
      [without("router.json"), "bundle/router"],
      [without("crm.safetensors"), "bundle/damaged"],
      [without("bundle.json"), "bundle/damaged"],
    ] as const) {
      await writeFile(path, JSON.stringify(changed));
      for (const verify of [true, false])
        await expect(openBundle(folderOf("both"), { verify })).rejects.toMatchObject({
          code,
          place: path,
          remedy: expect.any(String) as string,
        });
    }
    await writeFile(path, text);
    await openBundle(folderOf("both"));
  });

  test("a damaged file is told", async () => {
    await saveBundle(folderOf("damaged"), contents({ crm: tinyCrm(log) }));
    await writeFile(join(folderOf("damaged"), "crm.json"), "{}");
    await expect(openBundle(folderOf("damaged"))).rejects.toMatchObject({ code: "bundle/damaged" });
  });
});

test("what each share to the LLM brings is kept as it was told, and a bundle without it opens", async () => {
  const folder = folderOf("curve");
  const point = { threshold: null, auc: null, logLoss: 0.6, gain: 0, standardError: null };
  const routingCurve = {
    by: "entropy",
    best: 0.5,
    points: [
      { ...point, share: 0 },
      { share: 0.5, threshold: 0.6, auc: 0.7, logLoss: 0.55, gain: 0.05, standardError: 0.01 },
    ],
  } as const;
  await saveBundle(folder, {
    name: "curve",
    catalogue: catalogueFromLog(log),
    log,
    crm: tinyCrm(log),
    llm: await tinyLlm(log),
    router,
    routingCurve,
  });
  expect((await openBundle(folder)).routingCurve).toEqual(routingCurve);
  expect((await openBundle(folderOf("both"))).routingCurve).toBeUndefined();
  await writeFile(join(folder, "routing-curve.json"), '{ "points": [] }');
  await expect(openBundle(folder, { verify: false })).rejects.toMatchObject({ code: "bundle/damaged" });
});

test("the manifest tells the recipe where it was named", async () => {
  const crm = tinyCrm(log);
  const contents = { name: "x", recipe: "crm-only", catalogue: catalogueFromLog(log), log, crm };
  await saveBundle(folderOf("named"), contents);
  expect((await openBundle(folderOf("named"))).recipe).toBe("crm-only");
  expect((await openBundle(folderOf("crm"))).recipe).toBeUndefined();
});
