import { appendFile, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logLoss } from "@corella/metrics";
import { beforeAll, expect, test, vi } from "vitest";
import { prepareData } from "../data.ts";
import { smallConfig } from "../recipes/small-run.test-helper.ts";
import { writeSmallData } from "../small-data.test-helper.ts";
import { gridVariants, rankGrid } from "./grid.ts";
import { resultKey } from "./keys.ts";
import { planExperiments, type ExperimentOptions } from "./plan.ts";
import { runExperiments, type ExperimentListener, type FinishedRun } from "./run-experiments.ts";
import { variantsOf, type ExperimentName } from "./variants.ts";

const code = vi.hoisted(() => ({ key: "this" }));
vi.mock("../code-key.ts", () => ({ codeKey: () => Promise.resolve(code.key) }));

let baseFolder: string;
let content: object;

beforeAll(async () => {
  baseFolder = await mkdtemp(join(tmpdir(), "corella-experiments-data-"));
  await writeSmallData(baseFolder);
  const { models: _, ...rest } = { models: undefined, ...smallConfig };
  const { warmUp, ...stages } = smallConfig.stages;
  content = { ...rest, stages: { ...stages, warmUp: { ...warmUp, epochs: 3 } } };
});

async function options(changes: Partial<ExperimentOptions> = {}): Promise<ExperimentOptions> {
  return {
    baseFolder,
    cacheFolder: join(baseFolder, "cache"),
    experimentsFolder: await mkdtemp(join(tmpdir(), "corella-experiments-")),
    place: "c.yaml",
    ...changes,
  };
}

/** Several trainings each. */
const timeoutMs = 240_000;
const tables = { models: ["FM"], sizes: [32] };

async function run(
  names: readonly ExperimentName[],
  where: ExperimentOptions,
  hooks: { listener?: ExperimentListener; signal?: AbortSignal; seeds?: number } = {},
): Promise<FinishedRun[]> {
  const variants = names.flatMap((name) => variantsOf(name, smallConfig, tables));
  return runExperiments(await planExperiments(content, variants, hooks.seeds ?? 1, where), where, hooks);
}

/** Phases that are begun, and those that are found. */
function watch(): { listener: ExperimentListener; begun: string[]; found: string[] } {
  const begun: string[] = [];
  const found: string[] = [];
  const listener: ExperimentListener = {
    phaseStarted: ({ name }) => void (name === "scoring" || begun.push(name)),
    phaseFound: (title) => void found.push(title),
  };
  return { listener, begun, found };
}

const predictionsOf = (runs: readonly FinishedRun[]): unknown =>
  runs.map(({ result: { test: part, validation } }) => [part, validation]);

test("tables share what they train, and a second call trains nothing", { timeout: timeoutMs }, async () => {
  const where = await options();
  const first = watch();
  const runs = await run(["1", "2", "figure1"], where, first);
  expect(runs.map(({ variant }) => variant.id)).toEqual([
    "crm-DCNv2",
    "crm-FM",
    "ctrl",
    "tallrec",
    "p5",
    "llm",
    "corella",
    "corella",
    "corella-without-1",
    "corella-without-2",
    "corella-without-3",
    "crm-DCNv2",
    "llm-32",
  ]);
  // The CRM alone is stage 1 of all but the run without it; all but TALLRec, which has a prompt of its own, share the base LLM, and two
  // of them stage 2.
  expect(first.begun).toEqual([
    "crm",
    "crm",
    "contrastive",
    "crm-aligned",
    "stage-0",
    "llm",
    "p5",
    "stage-0",
    "llm",
    "stage-2",
    "stage-3",
    "stage-1",
    "stage-2",
    "stage-3",
    "stage-3",
    "llm",
  ]);
  const byId = new Map(runs.map((one) => [one.variant.id, one.result]));
  const said = (id: string, name: string): Float32Array =>
    byId.get(id)!.test.predictions.find((each) => each.name === name)!.probabilities;
  expect(said("corella", "crm-stage-1")).toEqual(said("crm-DCNv2", "crm"));
  expect(said("corella-without-2", "crm")).toEqual(said("corella-without-2", "crm-stage-1"));
  expect(said("corella-without-1", "crm-stage-1")).not.toEqual(said("corella", "crm-stage-1"));
  expect(said("corella-without-3", "crm")).toEqual(said("corella", "crm"));
  expect(said("corella-without-3", "llm")).not.toEqual(said("corella", "llm"));
  expect(byId.get("corella")!.trainingSeconds).toBeGreaterThan(byId.get("crm-DCNv2")!.trainingSeconds);

  const second = watch();
  const again = await run(["1", "2", "figure1"], where, second);
  expect(second).toMatchObject({ begun: [], found: [] });
  expect(predictionsOf(again)).toEqual(predictionsOf(runs));
});

test(
  "what was interrupted in every phase goes on, and ends with the same predictions",
  { timeout: timeoutMs },
  async () => {
    const names = ["budget", "figure1"] as const;
    const whole = await run(names, await options());
    const where = await options();
    // So often that scores are kept as well.
    content = { ...content, checkpointEverySeconds: 0.001 };
    const interrupted = new Set<string>();
    const keptScores = (): Promise<string[]> => readdir(join(where.experimentsFolder, "scores"));
    let mostKept = 0;
    for (;;) {
      const abort = new AbortController();
      let inRun = "";
      try {
        const runs = await run(names, where, {
          signal: abort.signal,
          listener: {
            runStarted: ({ variant }) => void (inRun = variant.id),
            stepDone(phase, step) {
              const name = `${inRun} ${phase}`;
              if (step !== 1 || interrupted.has(name)) return;
              interrupted.add(name);
              abort.abort();
            },
          },
        });
        expect(predictionsOf(runs)).toEqual(predictionsOf(whole));
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: "train/interrupted" });
        mostKept = Math.max(mostKept, (await keptScores().catch(() => [])).length);
      }
    }
    // Of a run that is scored: the result has taken their place.
    expect(mostKept).toBe(1);
    expect(await keptScores()).toEqual([]);
    content = { ...content, checkpointEverySeconds: smallConfig.checkpointEverySeconds };
    expect([...interrupted].filter((name) => !name.endsWith("scoring"))).toEqual([
      "corella stage-1",
      "corella stage-0",
      "corella stage-2",
      "corella stage-3",
      "llm-32 llm",
    ]);
    expect(interrupted).toContain("corella scoring");
  },
);

test("a part of the test rows is whole users, for LLMs alone", { timeout: timeoutMs }, async () => {
  const where = await options({ testRows: 20 });
  const [crm, llm] = await run(["segments"], where);
  const { log, split } = await prepareData(smallConfig, baseFolder, where.cacheFolder);
  expect(crm!.result.test.rows).toEqual(split.test);
  const rows = llm!.result.test.rows;
  expect(rows.length).toBeGreaterThanOrEqual(20);
  expect(rows.length).toBeLessThan(split.test.length);
  const users = new Set(Array.from(rows, (row) => log.user[row]!));
  expect([...split.test].filter((row) => users.has(log.user[row]!))).toEqual([...rows]);
});

test(
  "what other code has trained is taken, and named: a result, a phase that another run goes on from, and what is older than keys",
  { timeout: timeoutMs },
  async () => {
    const where = await options();
    const [one] = await run(["figure1"], where);
    expect(one).toMatchObject({ isOfOtherCode: false, result: { code: ["this"] } });
    expect((await run(["figure1"], where))[0]!.isOfOtherCode).toBe(false);
    code.key = "that";
    try {
      expect((await run(["figure1"], where))[0]).toMatchObject({
        isOfOtherCode: true,
        result: { code: ["this"] },
      });
      // CoReLLa shares its stage 1 with the CRM alone.
      const [both] = await run(["budget"], where);
      expect(both).toMatchObject({ isOfOtherCode: true, result: { code: ["that", "this"] } });
      const [fresh] = await run(["budget"], await options());
      expect(fresh).toMatchObject({ isOfOtherCode: false, result: { code: ["that"] } });
      const file = join(where.experimentsFolder, "results", `${one!.key}.json`);
      const { code: _, ...older } = JSON.parse(await readFile(file, "utf8")) as { code: string[] };
      await writeFile(file, JSON.stringify(older));
      expect((await run(["figure1"], where))[0]!.isOfOtherCode).toBe(true);
    } finally {
      code.key = "this";
    }
  },
);

test.each([
  ["llm-only", "stages.llmAlone.samples", [32, 64]],
  ["crm-only", "stages.warmUp.learningRate", [1e-6, 0.02]],
] as const)(
  "a grid over a setting of %s ranks it by the validation part",
  { timeout: timeoutMs },
  async (recipe, path, values) => {
    const where = await options();
    const variants = gridVariants({ [path]: values }, "test");
    const planned = await planExperiments({ ...content, recipe }, variants, 1, where);
    const points = rankGrid(await runExperiments(planned, where));
    expect(points.map(({ run: { variant } }) => variant.settings[path]).toSorted()).toEqual(
      values.toSorted(),
    );
    for (const { run: of, validationLogLoss } of points) {
      const { rows, labels, predictions } = of.result.validation!;
      const { split } = await prepareData(of.config, baseFolder, where.cacheFolder);
      expect(rows).toEqual(split.validation);
      expect(validationLogLoss).toBe(logLoss(predictions[0]!.probabilities, labels));
    }
    expect(points[0]!.validationLogLoss).toBeLessThan(points[1]!.validationLogLoss);
  },
);

test("table 1 has a row of TALLRec, or one for each number of shots", () => {
  const rows = (shots?: number[]): object[] =>
    variantsOf("1", { ...smallConfig, recipe: "tallrec" }, { models: [], sizes: [], shots }).map(
      ({ id, settings }) => ({ id, ...settings }),
    );
  expect(rows()).toEqual([{ id: "tallrec", recipe: "tallrec" }]);
  expect(rows([16, 256])).toEqual([
    { id: "tallrec-16", recipe: "tallrec", "tallrec.shots": 16 },
    { id: "tallrec-256", recipe: "tallrec", "tallrec.shots": 256 },
  ]);
});

test("what a run does not read does not make it another one", async () => {
  const where = await options();
  const keys = async (changed: object): Promise<string[]> => {
    const variants = variantsOf("1", smallConfig, { models: [], sizes: [] });
    return (await planExperiments(changed, variants, 1, where)).map(({ key }) => key);
  };
  const [crm, ctrl, tallrec, p5, llm, both] = await keys(content);
  const all = [crm, ctrl, tallrec, p5, llm, both];
  expect(await keys({ ...content, name: "other" })).toEqual(all);
  const [crm2, ctrl2, tallrec2, p52, llm2, both2] = await keys({ ...content, routing: { share: 0.1 } });
  expect([crm2, ctrl2, tallrec2, p52, llm2]).toEqual([crm, ctrl, tallrec, p5, llm]);
  expect(both2).not.toBe(both);
  const heldOut = await keys({ ...content, routing: { heldOut: 0.3 } });
  expect(heldOut.filter((key) => all.includes(key))).toEqual([]);
  const [crm3, ctrl3, , p53, llm3] = await keys({ ...content, prompt: { historyLength: 1 } });
  expect(crm3).toBe(crm);
  expect(ctrl3).not.toBe(ctrl);
  expect(p53).not.toBe(p5);
  expect(llm3).not.toBe(llm);
  const [crm4, ctrl4, ...others4] = await keys({ ...content, textTower: { hiddenSize: 8 } });
  expect([crm4, ...others4]).toEqual([crm, tallrec, p5, llm, both]);
  expect(ctrl4).not.toBe(ctrl);
  // TALLRec has an adapter of its own.
  const { llm: own } = content as { llm: object };
  const of = { llm: { ...own, lora: { rank: 4 } } };
  const [crm5, ctrl5, tallrec5, , llm5, both5] = await keys({ ...content, ...of });
  expect([crm5, ctrl5, tallrec5]).toEqual([crm, ctrl, tallrec]);
  expect([llm5, both5].filter((key) => all.includes(key))).toEqual([]);
  const [crm6, ctrl6, tallrec6, p56, llm6, both6] = await keys({
    ...content,
    tallrec: { scoring: "doubleSoftmax" },
  });
  expect([crm6, ctrl6, p56, llm6, both6]).toEqual([crm, ctrl, p5, llm, both]);
  expect(tallrec6).not.toBe(tallrec);
  const [crm7, ctrl7, tallrec7, p57, llm7, both7] = await keys({ ...content, t5: { hiddenSize: 8 } });
  expect([crm7, ctrl7, tallrec7, llm7, both7]).toEqual([crm, ctrl, tallrec, llm, both]);
  expect(p57).not.toBe(p5);
  expect(await readdir(where.experimentsFolder)).toEqual([]);
});

test("a model's folder is known by its files, however plain its name", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-experiments-model-"));
  await mkdir(join(folder, "model"));
  const llm = { ...smallConfig.llm, base: { kind: "pretrained", folder: "model" } };
  const config = { ...smallConfig, llm } as Parameters<typeof resultKey>[0]["config"];
  const key = (): Promise<string> => resultKey({ config, dataKey: "data", baseFolder: folder });
  const empty = await key();
  await writeFile(join(folder, "model", "weights"), "a");
  expect(await key()).not.toBe(empty);
});

test("data that changed since the runs were planned are refused before anything is trained", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-experiments-changed-"));
  await writeSmallData(folder);
  const where = await options({ baseFolder: folder, cacheFolder: join(folder, "cache") });
  const planned = await planExperiments(content, variantsOf("figure1", smallConfig, tables), 1, where);
  await appendFile(join(folder, "ratings.csv"), "\n1,1,5,2000");
  const { listener, begun } = watch();
  await expect(runExperiments(planned, where, { listener })).rejects.toMatchObject({
    code: "train/data-changed",
    place: "c.yaml",
    remedy: expect.stringContaining("same command again"),
  });
  expect(begun).toEqual([]);
  expect(await readdir(where.experimentsFolder)).toEqual([]);
});
