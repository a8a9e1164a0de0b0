import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime } from "@corella/engine";
import { beforeAll, expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { prepareData } from "../data.ts";
import { smallData, writeSmallData } from "../small-data.test-helper.ts";
import { readSpent } from "./spent.ts";
import { resultFile, trialSpec, type TrialSpec } from "./trial-spec.ts";
import { runTrialUnit } from "./trial-unit.ts";
import { runTrial, type TrialRecord } from "./trial.ts";

const config = parseRunConfig(
  {
    ...smallData,
    recipe: "crm-only",
    runtime: { threads: 1 },
    crm: { model: "FM", embeddingDim: 4 },
    stages: { warmUp: { epochs: 4, batchSize: 64, learningRate: 0.02, patience: 24 } },
  },
  "c.yaml",
);

let baseFolder = "";
/** The same training without a pause, in a folder of its own. */
let whole: TrialRecord & { readonly folder: string };
beforeAll(async () => {
  baseFolder = await mkdtemp(join(tmpdir(), "corella-unit-data-"));
  await writeSmallData(baseFolder);
  const folder = await mkdtemp(join(tmpdir(), "corella-whole-"));
  const data = await prepareData(config, baseFolder, join(baseFolder, "cache"));
  const record = await runTrial({ config, folder, test: true }, data, await createRuntime(config.runtime));
  whole = { ...record, folder };
});

async function unit(changes: Partial<TrialSpec>): Promise<TrialSpec> {
  const folder = await mkdtemp(join(tmpdir(), "corella-unit-"));
  const places = { baseFolder, cacheFolder: join(baseFolder, "cache"), folder };
  return { ...(await trialSpec({ kind: "crm", config, epochs: null, test: false, ...places })), ...changes };
}

test("through rungs, with attempts that break off, a trial ends as without; a rung's result has the same bytes where more was trained", async () => {
  const spec = await unit({});
  const { folder } = spec;
  const bytes = (of: Pick<TrialSpec, "epochs" | "test">): Promise<string> =>
    readFile(resultFile({ folder, ...of }), "utf8");
  const breakOff = new AbortController();
  const broken = runTrialUnit(
    { ...spec, epochs: 1 },
    { signal: breakOff.signal, stepDone: () => breakOff.abort() },
  );
  await expect(broken).rejects.toMatchObject({ code: "train/interrupted" });
  const first = await runTrialUnit({ ...spec, epochs: 1 });
  const perEpoch = whole.stepsPerEpoch;
  expect(first).toMatchObject({ status: "paused", steps: perEpoch });
  expect(first.validations).toEqual(whole.validations.filter(({ step }) => step <= perEpoch));
  const written = await bytes({ epochs: 1, test: false });
  const second = await runTrialUnit({ ...spec, epochs: 2 });
  expect(second.validations).toEqual(whole.validations.filter(({ step }) => step <= 2 * perEpoch));
  const last = await runTrialUnit({ ...spec, test: true });
  const { status, validations, best, steps, test: scored } = whole;
  expect(last).toMatchObject({ status, validations, best, steps, test: scored });
  expect((await readSpent(folder)).cpuSeconds).toBeGreaterThan(0);

  // In two folders that hold the whole training: this one, and that of another search.
  await rm(resultFile({ folder, epochs: 1, test: false }));
  const untrained = { stepDone: (): never => expect.unreachable() };
  await runTrialUnit({ ...spec, epochs: 1 }, untrained);
  expect(await bytes({ epochs: 1, test: false })).toBe(written);
  const other = await unit({ epochs: 1 });
  await cp(whole.folder, other.folder, { recursive: true });
  await runTrialUnit(other, untrained);
  expect(await readFile(resultFile(other), "utf8")).toBe(written);
});

test("a training that diverges is a result; a rung before that is not touched by it", async () => {
  const { warmUp } = config.stages;
  const hot = { ...config, stages: { ...config.stages, warmUp: { ...warmUp, learningRate: 1e30 } } };
  const spec = await unit({ config: hot });
  const { status, steps } = await runTrialUnit(spec);
  expect(status).toBe("diverged");
  expect(steps).toBeLessThan(whole.stepsPerEpoch);
  expect((await runTrialUnit({ ...spec, epochs: 1 })).status).toBe("diverged");
});

test("a whole run is judged by what it serves on validation, and scores the test part when asked", async () => {
  const spec = await unit({ kind: "run" });
  const searched = await runTrialUnit(spec);
  expect(searched.test).toBeUndefined();
  expect(searched.best!.score).toBeCloseTo(whole.best!.score, 6);
  const scored = await runTrialUnit({ ...spec, test: true }, { stepDone: () => expect.unreachable() });
  expect(scored.best).toEqual(searched.best);
  expect(scored.test!.auc).toBeCloseTo(whole.test!.auc, 6);
  expect(scored.test!.count).toBe(whole.test!.count);
});
