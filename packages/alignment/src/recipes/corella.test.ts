import { join } from "node:path";
import { createLlmPrompt, loadPredictor, openBundle, openLlmLane } from "@corella/bundle";
import type { ProgressListener } from "@corella/engine";
import { embeddingFrom, recordAt } from "@corella/modality";
import { routeAndMix } from "@corella/routing";
import { beforeAll, describe, expect, test } from "vitest";
import type { RunConfig } from "../config/config.ts";
import { probabilitiesOf } from "../predictions.ts";
import type { TrainingResult } from "../train.ts";
import { interruptedRun, manifestOf, smallConfig as config, smallRun } from "./small-run.test-helper.ts";

let whole: { folder: string; result: TrainingResult };

const llmOf = ({ test: part }: TrainingResult): Float32Array => probabilitiesOf(part, "llm")!;

beforeAll(async () => {
  whole = await smallRun();
});

test("all phases run, and the CRM learns the rule", () => {
  expect(whole.result.phases.map(({ name }) => name)).toEqual(["stage-1", "stage-0", "stage-2", "stage-3"]);
  expect(whole.result.phases[0]!.best!.score).toBeGreaterThan(0.7);
  expect(llmOf(whole.result).every((p) => p > 0 && p < 1)).toBe(true);
});

test("models are listed by name, the bundle's among them", () => {
  const { test: part, baseline, served } = whole.result;
  expect(part.predictions.map(({ name }) => name)).toEqual([
    "crm-stage-1",
    "crm",
    "llm",
    "replace",
    "add-logits",
  ]);
  expect([baseline, served]).toEqual(["crm-stage-1", "add-logits"]);
});

test("the same configuration gives the same bundle, byte for byte, also when every phase was interrupted", async () => {
  const { phases, manifest } = await interruptedRun(config);
  expect(phases).toEqual(["stage-1", "stage-0", "stage-2", "stage-3"]);
  expect(manifest).toBe(await manifestOf(whole.result));
});

test("the bundle predicts what the run predicted, in this thread and in workers", async () => {
  const { result } = whole;
  const { test: part, router, data, bundleFolder, served } = result;
  const records = Array.from(part.rows, (row) => recordAt(data.log, row));
  const expected = routeAndMix(probabilitiesOf(part, "crm")!, llmOf(result), router!.policy, router!.mix);
  expect(probabilitiesOf(part, served)).toEqual(expected.probabilities);
  for (const workers of [false, true]) {
    const predictor = await loadPredictor(await openBundle(bundleFolder), { workers });
    const answers = await predictor.score(records);
    await predictor.dispose();
    answers.forEach((answer, i) => {
      expect(Math.abs(answer.probability - expected.probabilities[i]!)).toBeLessThan(1e-6);
    });
    expect(answers.filter(({ route }) => route === "llm")).toHaveLength(expected.toLlm.length);
  }
});

test("the bundle tells what each share to the LLM brings, as the run found", async () => {
  const { shares, bundleFolder } = whole.result;
  const { routingCurve } = await openBundle(bundleFolder);
  expect(routingCurve).toMatchObject({ by: "entropy", best: shares!.best });
  expect(routingCurve!.points.map(({ share, logLoss }) => [share, logLoss])).toEqual(
    shares!.points.map(({ share, logLoss }) => [share, logLoss]),
  );
});

test.each(["crm", "llm"] as const)(
  "a run that retrieves history by the %s's vectors of items, and its bundle, ask the LLM alike",
  async (retrieval) => {
    const { warmUp } = config.stages;
    const { result } = await smallRun({
      ...config,
      prompt: { ...config.prompt, retrieval, historyLength: 1 },
      stages: { ...config.stages, warmUp: { ...warmUp, epochs: 3 } },
      routing: { ...config.routing, share: 1 },
    });
    const { test: part, data, bundleFolder } = result;
    const bundle = await openBundle(bundleFolder);
    const asking = await bundle.llmAsking();
    const vectors = asking.itemVectors!;
    expect(vectors.items).toEqual(data.catalogue.ids);
    const records = Array.from(part.rows, (row) => recordAt(data.log, row));
    const llm = await openLlmLane(bundle);
    const answers = await llm.score(records);
    await llm.dispose();
    for (const [i, answer] of answers.entries()) expect(answer).toBeCloseTo(llmOf(result)[i]!, 5);

    // The event that is told is the one nearest to the target among the last five.
    const prompt = createLlmPrompt({
      ...asking,
      prompt: { ...asking.prompt, template: "{{user_history}}" },
    });
    const vectorOf = embeddingFrom(vectors);
    const cosine = (a: string, b: string): number => {
      const [x, y] = [vectorOf(a)!, vectorOf(b)!];
      const dot = (p: ArrayLike<number>, q: ArrayLike<number>): number =>
        Array.from(p).reduce((sum, value, at) => sum + value * q[at]!, 0);
      return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
    };
    for (const record of records.slice(0, 20)) {
      const nearest = Math.max(...record.history.map(({ item }) => cosine(item, record.item)));
      const told = record.history.filter(({ item }) => cosine(item, record.item) > nearest - 1e-6);
      const text = prompt.render(record, bundle.catalogue);
      expect(told.some(({ item }) => text.includes(`film ${item}"`) || text.includes(`film ${item} `))).toBe(
        true,
      );
    }
  },
);

test("several targets after one history: the whole of training", async () => {
  const several: RunConfig = {
    ...config,
    llm: { ...config.llm, targetsPerHistory: 4 },
    stages: { ...config.stages, warmUp: { ...config.stages.warmUp, epochs: 1 } },
  };
  const { result } = await smallRun(several);
  const { phases } = result;
  // 64 samples are at least 16 runs, of which a batch holds four; a user's last run may be shorter.
  expect(phases[3]!.steps).toBeGreaterThanOrEqual(4);
  expect(phases[3]!.steps).toBeLessThan(10);
  expect(llmOf(result).every((p) => p > 0 && p < 1)).toBe(true);
});

describe("the loss over the whole vocabulary and updates of several batches", () => {
  const { joint, llmAlone, warmUp } = config.stages;
  const settings: RunConfig = {
    ...config,
    llm: { ...config.llm, loss: "answer" },
    stages: {
      ...config.stages,
      warmUp: { ...warmUp, epochs: 1 },
      // 64 samples in batches of 16.
      joint: { ...joint, accumulate: 2 },
      llmAlone: { ...llmAlone, accumulate: 3 },
    },
  };

  test("the whole of training, with blocks that are kept and that are recomputed", async () => {
    const kept = (await smallRun(settings)).result;
    expect(kept.phases.slice(2).map(({ steps }) => steps)).toEqual([2, 1]);
    // Among 400 tokens that it has hardly learned the model chooses worse than among two.
    expect(whole.result.phases[3]!.losses[0]![1]).toBeLessThan(1);
    expect(kept.phases[3]!.losses[0]![1]).toBeGreaterThan(2);
    const recomputing = { ...settings, llm: { ...settings.llm, recompute: true } };
    const recomputed = (await smallRun(recomputing)).result;
    for (const phase of [0, 2, 3])
      expect(recomputed.phases[phase]!.losses.at(-1)![1]).toBeCloseTo(
        kept.phases[phase]!.losses.at(-1)![1],
        4,
      );
    llmOf(recomputed).forEach((p, i) => expect(p).toBeCloseTo(llmOf(kept)[i]!, 4));
  });

  test("an update of more batches than a stage has is refused before anything is trained", async () => {
    const phases: string[] = [];
    const listener: ProgressListener = { phaseStarted: ({ name }) => void phases.push(name) };
    const tooMany = {
      ...settings,
      stages: { ...settings.stages, llmAlone: { ...llmAlone, accumulate: 5 } },
    };
    await expect(smallRun(tooMany, { listener })).rejects.toMatchObject({
      code: "config/accumulate",
      place: "stages.llmAlone.accumulate",
      remedy: expect.stringContaining("at most 4"),
    });
    expect(phases).toEqual([]);
  });
});

test.each([
  [
    "a misspelt LoRA target",
    { llm: { ...config.llm, lora: { ...config.llm.lora, targetModules: ["q_prj"] } } },
    "llm/lora-target",
  ],
  [
    "blocks that are not there",
    {
      stages: {
        ...config.stages,
        joint: {
          ...config.stages.joint,
          projection: { ...config.stages.joint.projection, llmLayers: [1, 9] },
        },
      },
    },
    "config/projection",
  ],
  ["labels of one kind", { data: { ...config.data, label: { threshold: 100 } } }, "data/label-threshold"],
  [
    "no test part",
    { data: { ...config.data, split: { kind: "time", shares: [0.8, 0.2, 0] } } },
    "config/no-test",
  ],
  [
    "a name that no prompt knows",
    { prompt: { ...config.prompt, template: "{{user_hstory}}" } },
    "prompt/unknown-name",
  ],
  [
    "history by the embeddings of items, which no feature has",
    {
      prompt: { ...config.prompt, retrieval: "crm" },
      features: config.features!.filter(({ name }) => name === "user"),
    },
    "config/retrieval",
  ],
])("%s is refused before the first stage", async (_, change, code) => {
  const started: string[] = [];
  const listener: ProgressListener = { phaseStarted: ({ name }) => started.push(name) };
  await expect(smallRun({ ...config, ...change } as RunConfig, { listener })).rejects.toMatchObject({ code });
  expect(started).toEqual([]);
});

test("a language model's folder may be absolute", async () => {
  const folder = join(whole.folder, "bundle/llm");
  const stages = structuredClone(config.stages);
  const shortened = {
    ...stages,
    warmUp: { ...stages.warmUp, epochs: 1 },
    joint: { ...stages.joint, samples: 16 },
    llmAlone: { ...stages.llmAlone, samples: 16 },
  };
  const base = { kind: "pretrained", folder, chat: false } as const;
  const { result } = await smallRun({
    ...config,
    stages: shortened,
    llm: { ...config.llm, base },
  });
  expect(result.phases.map(({ name }) => name)).toEqual(["stage-1", "stage-2", "stage-3"]);
});
