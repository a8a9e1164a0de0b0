import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crmOf } from "@corella/bundle";
import { crmModels, type CrmModelName } from "@corella/crm";
import { eagerRuntime, initialValues } from "@corella/engine";
import { decoder, isLoraParam, paddedFeeds, tinyLlamaConfig, type LoraConfig } from "@corella/llm";
import { expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { loadRunConfig } from "../config/load-config.ts";
import { labelFeed, prepareData } from "../data.ts";
import { twoWay } from "../llm/llm-tuning.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { alignedLayers } from "./aligned-layers.ts";
import { objective } from "./corella.ts";

const configs = join(import.meta.dirname, "../../../../configs");
const models = Object.keys(crmModels) as CrmModelName[];

const folder = await mkdtemp(join(tmpdir(), "corella-aligned-"));
await writeSmallData(folder);
// What DIN needs: the history as it is attended to.
const attended = [
  ...smallData.features,
  {
    name: "history",
    type: "sequence",
    field: "history.item",
    maxLength: 5,
    pooling: "attention",
    shareWith: "item",
  },
];
const data = await prepareData(
  parseRunConfig({ name: "test", ...smallData, features: attended }, "test.yaml"),
  folder,
  join(folder, "cache"),
);

const tiny = tinyLlamaConfig({
  vocabularySize: 40,
  hiddenSize: 8,
  layers: 4,
  heads: 2,
  keyValueHeads: 1,
  intermediateSize: 16,
});
const lora: LoraConfig = { rank: 2, alpha: 4, dropout: 0, targetModules: ["q_proj"], rsLora: false };
const llm = { part: decoder(tiny, { answers: { yes: 1, no: 2 }, lora }), loss: twoWay };

test.each(models)(
  "a joint step trains %s, as the embedded data configure it, with its projections",
  async (model) => {
    const { config } = await loadRunConfig(join(configs, "movietweetings.yaml"), [`crm.model=${model}`]);
    const crm = crmOf(config.crm, data.featureMap);
    const { projection, weights } = config.stages.joint;
    const aligned = alignedLayers(projection, crm.hiddenWidths, tiny);
    expect(aligned.hiddenWidths.crm).toEqual(crm.hiddenWidths);
    const program = objective({ crm, llm, aligned }, weights);
    const values = initialValues(program, 7);
    // As large as a warm-up leaves embeddings; those of a new model have a deviation of 1e-4.
    for (const name of Object.keys(program.tables)) values[name] = values[name]!.map((value) => 1000 * value);
    const before = structuredClone(values);
    const trainer = await eagerRuntime("cpu").train(program, {
      seed: 1,
      values,
      optimizer: (name) =>
        name.startsWith("llm.") && !isLoraParam(name) ? null : { kind: "sgd", learningRate: 0.1 },
    });
    const rows = data.split.train.slice(100, 104);
    const prompts = Array.from(rows, (row) => Array.from({ length: 6 }, (_, i) => (row * (i + 3)) % 40));
    const feeds = Object.entries(paddedFeeds(prompts)).map(([name, feed]) => [`llm.${name}`, feed]);
    const { loss, outputs } = await trainer.step({
      ...data.crmBatch(rows, "crm."),
      ...labelFeed(data.labels(rows)),
      ...Object.fromEntries(feeds),
    });
    const changed = Object.entries(trainer.values)
      .filter(([name, value]) => value.some((x, i) => x !== before[name]![i]))
      .map(([name]) => name);
    await trainer.dispose();
    const term = (name: string): number => outputs[name]!.data[0]!;
    expect(loss).toBeCloseTo(term("llmLoss") + term("crmLoss") + 0.1 * term("calibration"), 4);
    // On a common scale: each pair is some 2 apart, by whatever widths.
    expect(term("calibration") / crm.hiddenWidths.length).toBeGreaterThan(0.2);
    expect(term("calibration") / crm.hiddenWidths.length).toBeLessThan(4);
    for (const side of ["llm", "crm"])
      for (const j of aligned.llmLayers.keys()) expect(changed).toContain(`projection.${side}.${j}.weight`);
    expect(changed.some((name) => name.startsWith("crm."))).toBe(true);
    expect(changed.some((name) => isLoraParam(name))).toBe(true);
  },
);

test("every interaction layer of every model is aligned with the shipped configurations", async () => {
  for (const model of models)
    for (const [file, layers] of [
      ["movietweetings.yaml", 4],
      ["ml-1m.yaml", 30],
    ] as const) {
      const { config } = await loadRunConfig(join(configs, file), [`crm.model=${model}`]);
      const { hiddenWidths } = crmOf(config.crm, data.featureMap);
      const { projection } = config.stages.joint;
      const aligned = alignedLayers(projection, hiddenWidths, { layers, hiddenSize: 576 });
      expect(aligned.hiddenWidths.crm, model).toEqual(hiddenWidths);
      expect(aligned.llmLayers.at(-1)).toBe(layers);
    }
});

test("by default as many layers as both models have, or as are named of one", () => {
  const { projection } = parseRunConfig({ name: "test", ...smallData }, "test.yaml").stages.joint;
  const of = (change: object): object => {
    const { llmLayers, crmLayers, hiddenWidths } = alignedLayers(
      { ...projection, ...change },
      [32, 400, 200],
      { layers: 2, hiddenSize: 16 },
    );
    return { llmLayers, crmLayers, crm: hiddenWidths.crm };
  };
  expect(of({})).toEqual({ llmLayers: [1, 2], crmLayers: [2, 3], crm: [400, 200] });
  expect(of({ llmLayers: [1] })).toEqual({ llmLayers: [1], crmLayers: [3], crm: [200] });
  expect(of({ crmLayers: [3, 1] })).toEqual({ llmLayers: [1, 2], crmLayers: [3, 1], crm: [200, 32] });
  expect(() => of({ crmLayers: [1, 2, 3] })).toThrow(/cannot be aligned/);
  expect(() => of({ llmLayers: [] })).toThrow(/cannot be aligned/);
  expect(() => of({ llmLayers: [1, 2], crmLayers: [1] })).toThrow(/cannot be aligned/);
});
