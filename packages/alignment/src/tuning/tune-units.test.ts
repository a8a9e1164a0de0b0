import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { parseSearch } from "./search-space.ts";
import { readSpec, resultFile, type TrialResult } from "./trial-spec.ts";
import { rank, type TuneResult } from "./tune.ts";
import { tuneUnits, type UnitsOptions } from "./tune-units.ts";
import type { RunUnit } from "./unit-results.ts";

const content = {
  ...smallData,
  seed: 5,
  recipe: "crm-only",
  crm: { model: "FM", embeddingDim: 4 },
  stages: { warmUp: { epochs: 4, batchSize: 64 } },
};
const rates = [0.0001, 0.02, 0.002, 0.01, 1];
const search = parseSearch(
  {
    search: { "stages.warmUp.learningRate": rates },
    seeds: 2,
    stopping: { asha: { factor: 2, firstEpochs: 1 } },
  },
  "search.yaml",
);

let baseFolder = "";
beforeAll(async () => {
  baseFolder = await mkdtemp(join(tmpdir(), "corella-units-data-"));
  await writeSmallData(baseFolder);
});

/** What a training would leave: the nearer a rate is to .01, the better; that of 1 diverges. */
const pretend: RunUnit = async ({ specFile }) => {
  const { config, folder, epochs, test: scored, ...spec } = await readSpec(specFile);
  const { learningRate } = config.stages.warmUp;
  const step = 10 * (epochs ?? 4);
  const best = { step, score: 0.9 - Math.abs(learningRate - 0.01) + step / 1000 };
  const figures = {
    auc: best.score,
    logLoss: 1,
    accuracy: 1,
    count: 1,
    positives: 1,
    groupAuc: 1,
    calibrationError: 0,
  };
  const result: TrialResult = {
    status: learningRate === 1 ? "diverged" : epochs === null ? "finished" : "paused",
    validations: [best],
    best,
    steps: step,
    stepsPerEpoch: 10,
    ...(scored ? { test: figures } : {}),
  };
  expect(spec.kind).toBe("crm");
  await mkdir(folder, { recursive: true });
  await writeFile(resultFile({ folder, epochs, test: scored }), JSON.stringify(result));
};

async function options(changes: Partial<UnitsOptions> = {}): Promise<UnitsOptions> {
  return {
    baseFolder,
    cacheFolder: join(baseFolder, "cache"),
    trialsFolder: await mkdtemp(join(tmpdir(), "corella-units-")),
    place: "c.yaml",
    slots: () => 1,
    runUnit: pretend,
    ...changes,
  };
}

const figures = ({ trials, seeds, rungs }: TuneResult): unknown => ({
  each: [...trials, ...seeds].map(({ record, rung }) => ({ record, rung })),
  rungs,
});

test("trials pause in rungs, the best go on to the end and get seeds, and what diverges never goes on", async () => {
  const result = await tuneUnits(content, search, await options());
  const { ends, factor, rungs } = result.rungs!;
  expect(ends).toEqual([1, 2, null]);
  expect(factor).toBe(2);
  // One worker. Of 0 and 1 goes on 0, of three 2, which is the best of two in the second rung, of four 3, which is the best of three.
  expect(rungs.map((rung) => rung.map(({ trial }) => trial))).toEqual([
    [0, 1, 2, 3, 4],
    [0, 2, 3],
    [2, 3],
  ]);
  expect(result.trials.map(({ record }) => record.status)).toEqual([
    "paused",
    "paused",
    "finished",
    "finished",
    "diverged",
  ]);
  expect(result.trials.map(({ rung }) => rung)).toEqual([1, 0, 2, 2, 0]);
  expect(result.best).toBe(result.trials[3]);
  expect(rank(result.trials).at(-1)).toBe(result.trials[4]);
  expect(result.seeds.map(({ config }) => config.seed)).toEqual([5, 6]);
  expect(result.seeds.every(({ record }) => record.status === "finished" && record.test !== undefined)).toBe(
    true,
  );
});

test("a seed of the best that diverges is told", async () => {
  const runUnit: RunUnit = async (unit, how) => {
    await pretend(unit, how);
    const { config, ...spec } = await readSpec(unit.specFile);
    if (config.seed !== 6) return;
    const { test: _, ...result } = JSON.parse(await readFile(resultFile(spec), "utf8")) as TrialResult;
    await writeFile(resultFile(spec), JSON.stringify({ ...result, status: "diverged" }));
  };
  await expect(tuneUnits(content, search, await options({ runUnit }))).rejects.toMatchObject({
    code: "tune/seed-diverged",
  });
});

test("without rungs every trial is trained whole", async () => {
  const { trials, rungs } = await tuneUnits(content, { ...search, stopping: "none" }, await options());
  expect(rungs).toMatchObject({ ends: [null], factor: undefined });
  expect(trials.filter(({ record }) => record.status === "finished")).toHaveLength(4);
});

test("interrupted at every unit, a search decides and ends as the undisturbed one; what is lost is run again, nothing else", async () => {
  const undisturbed = await tuneUnits(content, search, await options());
  const settings = await options();
  const folder = settings.trialsFolder;
  let interruptions = 0;
  for (;;) {
    const abort = new AbortController();
    const once: RunUnit = async (...unit) => {
      if (abort.signal.aborted) throw new Error("the engine was told to stop");
      await pretend(...unit);
      abort.abort();
    };
    try {
      const result = await tuneUnits(content, search, { ...settings, runUnit: once, signal: abort.signal });
      expect(figures(result)).toEqual(figures(undisturbed));
      break;
    } catch (error) {
      expect(error).toMatchObject({ code: "train/interrupted" });
      interruptions += 1;
    }
  }
  expect(interruptions).toBe(5 + 3 + 2 + 2);
  const again = async (): Promise<string[]> => {
    const ran: string[] = [];
    const counting: RunUnit = async (unit, how) => {
      ran.push(unit.id);
      await pretend(unit, how);
    };
    const result = await tuneUnits(content, search, { ...settings, runUnit: counting });
    expect(figures(result)).toEqual(figures(undisturbed));
    return ran;
  };
  expect(await again()).toEqual([]);
  const { key } = undisturbed.trials[0]!;
  await rm(resultFile({ folder: join(folder, key), epochs: 2, test: false }));
  expect(await again()).toEqual([`${key}-2`]);
});

test("as many units at once as there are slots; the first that fails ends the others", async () => {
  let running = 0;
  let most = 0;
  let together = (): void => {};
  const three = new Promise<void>((resolve) => (together = resolve));
  const counting: RunUnit = async (unit, how) => {
    most = Math.max(most, (running += 1));
    if (running === 3) together();
    await Promise.race([three, delay(1000)]);
    await pretend(unit, how);
    running -= 1;
  };
  await tuneUnits(content, search, await options({ runUnit: counting, slots: () => 3 }));
  expect(most).toBe(3);

  let ended = 0;
  const failing: RunUnit = async (unit, { signal }) => {
    if ((running += 1) === 3) throw new Error("no such luck");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended += 1;
    throw new Error(`ended: ${unit.id}`);
  };
  const failed = tuneUnits(content, search, await options({ runUnit: failing, slots: () => 3 }));
  await expect(failed).rejects.toThrow("no such luck");
  expect(ended).toBe(2);
});

test("a search has one process; the spec of another version is refused by whoever runs it", async () => {
  const settings = await options();
  const refused: unknown[] = [];
  const meeting: RunUnit = async (unit, how) => {
    await tuneUnits(content, search, settings).catch((error: unknown) => refused.push(error));
    const spec = JSON.parse(await readFile(unit.specFile, "utf8")) as object;
    for (const changed of [{ version: 0 }, { code: "another" }]) {
      const file = `${unit.specFile}.changed`;
      await writeFile(file, JSON.stringify({ ...spec, ...changed }));
      await readSpec(file).catch((error: unknown) => refused.push(error));
    }
    await pretend(unit, how);
  };
  await tuneUnits(content, { ...search, seeds: 1 }, { ...settings, runUnit: meeting });
  expect(refused.slice(0, 3)).toMatchObject([
    { code: "file/in-use" },
    { code: "tune/spec" },
    { code: "tune/other-code" },
  ]);
});

test("searched settings that the CRM stage does not read make trials of whole runs", async () => {
  const kinds: string[] = [];
  const looking: RunUnit = async ({ specFile }) => {
    kinds.push((await readSpec(specFile)).kind);
    throw new Error("seen");
  };
  const settings = await options({ runUnit: looking });
  const of = async (paths: object, changes: object = {}): Promise<void> => {
    const given = { ...search, ...parseSearch({ search: paths, ...changes }, "s.yaml") };
    await expect(tuneUnits({ ...content, llm: {} }, given, settings)).rejects.toThrow("seen");
  };
  await of({ "crm.embeddingDim": [2, 4], "stages.warmUp.epochs": [1] });
  await of({ "crm.embeddingDim": [2, 4], "routing.mix": ["replace"] });
  await of({ "crm.embeddingDim": [2, 4] }, { trial: "run" });
  expect(kinds).toEqual(["crm", "run", "run"]);
});
