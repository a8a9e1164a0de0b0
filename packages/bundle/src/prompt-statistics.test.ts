import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalogueFromLog, createLog, fitFeatureMap, recordAt, recordsAt } from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import { initialValues } from "@corella/engine";
import { crmOf, openBundle, saveBundle, type TrainedCrm } from "./index.ts";
import { createLlmPrompt } from "./llm-prompt.ts";
import { tinyLlm, tinyLog } from "./testing.ts";

let parent = "";
const whole = tinyLog(); // one event an hour
const known = 280;
const { user, item, rating, time, label } = whole;
const log = createLog({
  ...whole,
  user: user.slice(0, known),
  item: item.slice(0, known),
  rating: rating.slice(0, known),
  time: time.slice(0, known),
  label: label.slice(0, known),
});
const catalogue = catalogueFromLog(whole);
const template =
  "{{user_history}} of one with {{user.count}} ratings, mean {{user.mean | round(2)}}. {{target_item}}, {% if item.count %}rated {{item.mean | round(1)}} by {{item.count}}{% endif %}? ";

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "corella-prompt-statistics-"));
});
afterAll(() => rm(parent, { recursive: true }));

function crmWithStatistics(): TrainedCrm {
  const features = [
    { name: "item", type: "categorical", field: "item" } as const,
    { name: "item_mean", type: "statistic", value: "mean", by: "item" } as const,
  ];
  const featureMap = fitFeatureMap(
    features,
    log,
    Uint32Array.from({ length: 200 }, (_, row) => row),
  );
  const config = { model: "DCNv2", embeddingDim: 8, crossLayers: 2, parallelUnits: [16] };
  return { config, values: initialValues(crmOf(config, featureMap), 1), featureMap };
}

test.each(["llm", "both"])(
  "what a bundle's LLM (%s) reads of each later event is what training reads of its row",
  async (models) => {
    const tiny = await tinyLlm(log);
    const llm = { ...tiny, maxTokens: 1000, prompt: { ...tiny.prompt, template } };
    const folder = join(parent, models);
    await saveBundle(folder, {
      name: "tiny",
      catalogue,
      log,
      llm,
      ...(models === "llm"
        ? {}
        : {
            crm: crmWithStatistics(),
            router: { policy: { kind: "threshold", entropy: 0.6 }, mix: { kind: "replace" } } as const,
          }),
    });
    const bundle = await openBundle(folder);
    const asking = await bundle.llmAsking();
    const online = createLlmPrompt(asking);
    const offline = createLlmPrompt(llm);
    const rows = Uint32Array.from({ length: whole.size - known }, (_, i) => known + i);
    const texts = recordsAt(whole, rows, offline).map((record) => offline.render(record, catalogue));
    expect(new Set(texts).size).toBe(rows.length);
    for (const [i, row] of rows.entries()) {
      const record = recordAt(whole, row);
      expect(online.render(record, bundle.catalogue, asking.statistics), `row ${row}`).toBe(texts[i]);
      asking.statistics!.observe(
        { ...record, rating: rating[row]!, label: label[row]!, time: time[row]! },
        catalogue,
      );
    }
    const opened = await bundle.llm();
    expect(opened.statistics!.plan).toEqual(asking.statistics!.plan);
    await opened.weights.close();
  },
);
