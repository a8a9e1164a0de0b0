import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBundle, openCrmLane } from "@corella/bundle";
import { createRuntime } from "@corella/engine";
import { auc } from "@corella/metrics";
import { recordAt } from "@corella/modality";
import { claimFolder } from "@corella/files";
import { beforeAll, expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { prepareData } from "../data.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { saveTrial } from "./save-trial.ts";
import { parseSearch } from "./search-space.ts";
import { bestOf, runTrial } from "./trial.ts";
import { rank, tune, type ExecuteTrial, type TuneOptions } from "./tune.ts";

const content = {
  ...smallData,
  seed: 5,
  crm: { model: "DCNv2", embeddingDim: 8, crossLayers: 1, parallelUnits: [8] },
  stages: { warmUp: { epochs: 10, batchSize: 64, patience: 24 } },
};
const search = parseSearch(
  { search: { "stages.warmUp.learningRate": [0.001, 0.02, 0.005] }, seeds: 2, stopping: "none" },
  "search.yaml",
);

let baseFolder = "";
beforeAll(async () => {
  baseFolder = await mkdtemp(join(tmpdir(), "corella-tune-data-"));
  await writeSmallData(baseFolder);
});

/** Trains in this thread. */
const execute: ExecuteTrial = async (run, hooks) => {
  const data = await prepareData(run.config, baseFolder, join(baseFolder, "cache"));
  return runTrial(run, data, await createRuntime({ ...run.config.runtime, threads: 1 }), hooks);
};

async function options(changes: Partial<TuneOptions> = {}): Promise<TuneOptions> {
  return {
    baseFolder,
    cacheFolder: join(baseFolder, "cache"),
    trialsFolder: await mkdtemp(join(tmpdir(), "corella-trials-")),
    place: "c.yaml",
    parallel: 1,
    execute,
    ...changes,
  };
}

test("the best by validation AUC is trained with each seed, and only then the test part is scored; a second call trains nothing", async () => {
  const settings = await options();
  const result = await tune(content, search, settings);
  const scores = result.trials.map(({ record }) => record.best!.score);
  expect(new Set(scores).size).toBe(3);
  expect(result.best.record.best!.score).toBe(Math.max(...scores));
  expect(rank(result.trials)[0]).toBe(result.best);
  expect(result.trials.every(({ record }) => record.test === undefined)).toBe(true);
  expect(result.seeds.map(({ config }) => config.seed)).toEqual([5, 6]);
  for (const { config, record } of result.seeds) {
    expect(config.stages.warmUp.learningRate).toBe(result.best.config.stages.warmUp.learningRate);
    expect(record.test!.auc).toBeGreaterThan(0.5);
    expect(record.test!.count).toBe(60);
  }
  // The search's seed is the first of the seeds: its trial was not trained anew.
  expect(result.seeds[0]!.key).toBe(result.best.key);
  expect(result.seeds[0]!.record.validations).toEqual(result.best.record.validations);

  // The saved CRM answers the test part as the trial was scored on it.
  const crmFolder = join(settings.trialsFolder, "crm");
  await saveTrial(result.seeds[1]!, crmFolder, settings);
  const crm = await openCrmLane(await openBundle(crmFolder), {
    runtime: { kind: "onnxruntime", threads: 1 },
  });
  const { log, split, labels } = await prepareData(result.best.config, baseFolder, settings.cacheFolder);
  const probabilities = await crm.score(Array.from(split.test, (row) => recordAt(log, row)));
  expect(auc(probabilities, labels(split.test))).toBeCloseTo(result.seeds[1]!.record.test!.auc, 6);
  await crm.dispose();

  const again = await tune(content, search, {
    ...settings,
    execute: () => Promise.reject(new Error("must not train")),
  });
  expect(again.trials.every(({ reused }) => reused)).toBe(true);
  expect(again.seeds.map(({ record }) => record)).toEqual(result.seeds.map(({ record }) => record));
});

test("an interrupted search goes on where it was and ends with the same figures, two trials at once or one", async () => {
  const whole = await tune(content, search, await options());
  const abort = new AbortController();
  const settings = await options({ parallel: 2 });
  const interrupted = tune(content, search, {
    ...settings,
    signal: abort.signal,
    listener: {
      stepDone: (trial, step) => (trial === 1 && step === 9 ? abort.abort() : undefined),
    },
  });
  await expect(interrupted).rejects.toMatchObject({ code: "train/interrupted" });
  const from: number[] = [];
  const resumed = await tune(content, search, {
    ...settings,
    listener: { started: (_, { step }) => void from.push(step) },
  });
  expect(from.some((step) => step > 0)).toBe(true);
  const figures = ({
    record: { validations, best, steps, test: scored },
  }: (typeof whole.trials)[number]): object => ({
    validations,
    best,
    steps,
    scored,
  });
  expect(resumed.trials.map(figures)).toEqual(whole.trials.map(figures));
  expect(resumed.seeds.map(figures)).toEqual(whole.seeds.map(figures));
});

test("a trial below the median is stopped and kept; without the rule it goes on from there", async () => {
  const rule = { afterTrials: 1, afterEpochs: 1 };
  const settings = await options();
  // On so little data the slow one ranks better at the end of the first epoch, which is where the fast one is stopped.
  const rates = { "stages.warmUp.learningRate": [1e-5, 0.02] };
  const stopping = { ...search, search: rates, seeds: 1, stopping: rule };
  const stopped = (await tune(content, stopping, settings)).trials[1]!.record;
  expect(stopped.status).toBe("stopped");
  expect(stopped.steps).toBe(stopped.stepsPerEpoch);
  const again = await tune(content, stopping, {
    ...settings,
    execute: () => Promise.reject(new Error("must not train")),
  });
  expect(again.trials[1]!.record).toEqual(stopped);

  const starts: number[] = [];
  const listener = { started: (_: number, { step }: { step: number }) => void starts.push(step) };
  const finished = await tune(content, { ...stopping, stopping: "none" }, { ...settings, listener });
  expect(starts).toEqual([stopped.steps]);
  expect(finished.trials[1]!.record.status).toBe("finished");
  expect(finished.trials[1]!.record.validations.slice(0, stopped.validations.length)).toEqual(
    stopped.validations,
  );
});

test("a trial has one trainer at a time; whoever meets it waits, or is interrupted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-trial-"));
  const run = { config: parseRunConfig(content, "c.yaml"), folder, test: false };
  const release = await claimFolder(folder);
  await expect(execute(run, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "train/interrupted",
  });
  // The other one leaves it to us, once we have told that we wait.
  const record = await execute(run, { waiting: () => void release() });
  expect(record.status).toBe("finished");
  // What the other one has finished meanwhile is taken.
  const releaseAgain = await claimFolder(folder);
  await releaseAgain();
  expect(await execute(run, {})).toEqual(JSON.parse(JSON.stringify(record)));
});

test("a trial that diverges is a result; when all do there is none", async () => {
  const rates = (values: readonly number[]): typeof search => ({
    ...search,
    search: { "stages.warmUp.learningRate": values },
    seeds: 1,
  });
  const { trials, best } = await tune(content, rates([1e30, 0.01]), await options());
  expect(trials.map(({ record }) => record.status)).toEqual(["diverged", "finished"]);
  expect(best).toBe(trials[1]);
  await expect(tune(content, rates([1e30]), await options())).rejects.toMatchObject({
    code: "tune/no-result",
  });
});

test("a seed of the best that diverges is told, not left out of the means", async () => {
  const diverging: ExecuteTrial = async (run, hooks) => {
    const { test: _, ...record } = await execute(run, hooks);
    return run.config.seed === 6 ? { ...record, status: "diverged" } : execute(run, hooks);
  };
  const one = { ...search, search: {} };
  await expect(tune(content, one, await options({ execute: diverging }))).rejects.toMatchObject({
    code: "tune/seed-diverged",
    message: expect.stringContaining("with 1 of its 2 seeds: 6."),
  });
});

test("what a model says before its first step is not its best, for its values are not kept", () => {
  const [before, first, second] = [
    { step: 0, score: 0.9 },
    { step: 5, score: 0.6 },
    { step: 10, score: 0.6 },
  ];
  expect(bestOf([before!, first!, second!])).toBe(first);
  expect(bestOf([before!])).toBeUndefined();
});

test.each([
  [{ "stages.warmUp.learningrate": [1] }, "config/unknown-key"],
  [{ "crm.crosLayers": [1] }, "crm/unknown-parameter"],
  [{ "seed.more": [1] }, "config/set"],
])("%j is refused before anything is trained", async (choices, code) => {
  const settings = await options({ execute: () => Promise.reject(new Error("must not train")) });
  await expect(tune(content, { ...search, search: choices }, settings)).rejects.toMatchObject({ code });
});
