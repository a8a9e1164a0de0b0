import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalogueFromLog, createLog, fitFeatureMap, recordAt, recordsAt } from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import { initialValues } from "@corella/engine";
import { crmOf, loadPredictor, openBundle, saveBundle, type TrainedCrm, type TunedLlm } from "./index.ts";
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

/** The log's events as questions with their answers, each with what was known before it. */
const question = "\n{{title}}, {{item.mean | round(1)}} by {{item.count}}";
const densePrompt = {
  template: "{{user_history}}{{target_item}}:",
  historyItem: `${question}: {{rating}} (own {{user.count}})`,
  target: question,
  separator: "",
  emptyHistory: "",
  historyLength: 4,
  historyHop: 2,
};

async function denseBundle(name: string): Promise<{ folder: string; llm: TunedLlm }> {
  const tiny = await tinyLlm(log);
  const llm = { ...tiny, maxTokens: 1000, prompt: { ...tiny.prompt, ...densePrompt } };
  const folder = join(parent, name);
  await saveBundle(folder, { name: "tiny", catalogue, log, llm });
  return { folder, llm };
}

test("events that a bundle keeps have the statistics of their own moments, as training tells them", async () => {
  const { folder, llm } = await denseBundle("dense");
  const bundle = await openBundle(folder);
  const [asking, histories] = [await bundle.llmAsking(), await bundle.histories()];
  const online = createLlmPrompt(asking);
  const offline = createLlmPrompt(llm);
  const seen = new Set<string>();
  const rows = Uint32Array.from({ length: whole.size - known }, (_, i) => known + i);
  let told = 0;
  for (const [i, offlineRecord] of recordsAt(whole, rows, offline).entries()) {
    const { user: name, item: of, time: at, itemAttributes, earlier } = offlineRecord;
    // Of each user the first event after the log's end: the user is named, and the history is what the bundle keeps.
    if (!seen.has(name!)) {
      seen.add(name!);
      const history = histories.of(name!);
      const record = {
        user: name,
        item: of,
        time: at,
        itemAttributes,
        history,
        earlier: histories.earlierOf(name!),
      };
      expect(record.earlier).toBe(earlier);
      const text = offline.render(offlineRecord, catalogue);
      expect(online.render(record, bundle.catalogue, asking.statistics), `row ${rows[i]}`).toBe(text);
      told += history.length;
    }
    const row = rows[i]!;
    asking.statistics!.observe(
      { ...recordAt(whole, row), rating: rating[row]!, label: label[row]!, time: time[row]! },
      catalogue,
    );
  }
  expect(told).toBeGreaterThan(30);
});

test("a Predictor answers a named user as it answers records of the log, and refuses events that it cannot tell of", async () => {
  const { folder } = await denseBundle("dense-lane");
  const bundle = await openBundle(folder);
  const histories = await bundle.histories();
  const predictor = await loadPredictor(bundle, { runtime: { kind: "tfjs-cpu" }, now: () => time[known]! });
  const name = whole.users.ids[user[known]!]!;
  const [offlineRecord] = recordsAt(whole, [known], bundle);
  const asked = {
    user: name,
    item: offlineRecord!.item,
    history: histories.of(name),
    earlier: histories.earlierOf(name),
  };
  const [expected, found] = await predictor.score([offlineRecord!, asked]);
  expect(found!.pLlm).toBe(expected!.pLlm);
  const bare = asked.history.map((event) => ({ ...event, statistics: undefined }));
  await expect(predictor.score([{ ...asked, history: bare }])).rejects.toMatchObject({
    code: "features/no-event-statistics",
  });
  await predictor.dispose();
});
