import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createRuntime, type ProgressListener, type Runtime } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { claimFolder, writeFileAtomic } from "@corella/files";
import { codeKey } from "../code-key.ts";
import { prepareData, type PreparedData } from "../data.ts";
import { dataKey } from "../data-key.ts";
import { recipes } from "../recipes/recipes.ts";
import { createRun, type Run } from "../run.ts";
import { phaseKey, resultKey, type KeyedConfig } from "./keys.ts";
import { isOfOther, resultFile, type ExperimentOptions, type PlannedRun } from "./plan.ts";
import { unknownCode, writeResult, type ExperimentResult } from "./stored-result.ts";

/** What experiments show while they work. */
export interface ExperimentListener extends ProgressListener {
  /** A run begins. @param number among those that are to do, from 1 */
  runStarted?(run: PlannedRun, number: number, count: number): void;
  /** A phase was trained already, for this run or another one. */
  phaseFound?(title: string): void;
}

/** A run with what it ended with; of other code it may also be by a phase that was found. */
export interface FinishedRun extends PlannedRun {
  readonly result: ExperimentResult;
}

/**
 * Trains what is not there yet, one run after the other, and keeps it. What was interrupted goes on in the next call: phases from
 * their last checkpoint, scoring after what it has kept, unless it was other code that scored.
 * @returns all of the planned runs, in their order
 * @throws CorellaError `train/interrupted` when the signal is aborted, `train/data-changed` when the files are others than they were planned by, those of `train`, and `file/in-use` when another process trains the same
 */
export async function runExperiments(
  planned: readonly PlannedRun[],
  options: ExperimentOptions,
  { listener = {}, signal }: { readonly listener?: ExperimentListener; readonly signal?: AbortSignal } = {},
): Promise<FinishedRun[]> {
  const results = new Map<string, ExperimentResult>();
  for (const { key, found } of planned) if (found !== undefined) results.set(key, found);
  const open = planned.filter(
    ({ key }, index) => !results.has(key) && planned.findIndex((other) => other.key === key) === index,
  );
  const executor = createExecutor(options, listener, signal);
  const isAborted = (): boolean => signal?.aborted === true;
  for (const [index, run] of open.entries()) {
    if (isAborted()) throw interrupted(run);
    listener.runStarted?.(run, index + 1, open.length);
    try {
      results.set(run.key, await executor(run));
    } catch (error) {
      if (isAborted() && !CorellaError.isInstance(error)) throw interrupted(run);
      throw error;
    }
  }
  const code = await codeKey("run");
  return planned.map((run) => {
    const result = results.get(run.key)!;
    return { ...run, result, isOfOtherCode: isOfOther(result, code) };
  });
}

function interrupted({ variant, config }: PlannedRun): CorellaError {
  return new CorellaError({
    code: "train/interrupted",
    message: `Interrupted in ${variant.title}, seed ${config.seed}.`,
    remedy: "Run the same experiments again: what is trained is kept.",
  });
}

function changed({ variant, config }: PlannedRun, { place }: ExperimentOptions): CorellaError {
  return new CorellaError({
    code: "train/data-changed",
    message: `The data, or files of a model, changed since the runs were planned: seen before ${variant.title}, seed ${config.seed}.`,
    place,
    remedy: "Run the same command again: it plans by the files as they are.",
  });
}

/** Trains and scores a run and writes its result; data and runtime are kept for the next. */
function createExecutor(
  options: ExperimentOptions,
  listener: ExperimentListener,
  signal: AbortSignal | undefined,
): (run: PlannedRun) => Promise<ExperimentResult> {
  let prepared: { key: string; data: PreparedData; dataKey: string } | undefined;
  let made: { key: string; runtime: Runtime } | undefined;
  return async (planned) => {
    const { config } = planned;
    const { baseFolder, cacheFolder } = options;
    const key = JSON.stringify([config.data, config.features]);
    if (prepared?.key !== key) {
      prepared = undefined; // Two logs need not fit the memory.
      listener.note?.("Reading the data");
      const data = await prepareData(config, baseFolder, cacheFolder);
      prepared = { key, data, dataKey: await dataKey(config, options) };
    }
    const runtimeKey = JSON.stringify(config.runtime);
    if (made?.key !== runtimeKey) made = { key: runtimeKey, runtime: await createRuntime(config.runtime) };
    const { data } = prepared;
    const keyed = { config, dataKey: prepared.dataKey, baseFolder };
    // What is kept under a key is of the data that the key names.
    if ((await resultKey(keyed)) !== planned.key) throw changed(planned, options);
    const code = await codeKey("run");
    const phases = sharedPhases(keyed, options, listener, code);
    const scoresFolder = join(options.experimentsFolder, "scores", `${planned.key}-${code.slice(0, 16)}`);
    const run = createRun({
      config,
      data,
      runtime: made.runtime,
      baseFolder,
      listener,
      signal,
      checkpointFolder: phases.checkpointFolder,
      scoresFolder,
    });
    const { served, baseline, test, validation } = await recipes[config.recipe]({
      ...run,
      phase: phases.within(run),
    });
    const result: ExperimentResult = {
      served,
      ...(baseline === undefined ? {} : { baseline }),
      test,
      ...(validation === undefined ? {} : { validation }),
      trainingSeconds: phases.seconds(),
      scoringSeconds: Object.values(run.scored).reduce((sum, { ms }) => sum + ms / 1000, 0),
      code: phases.code(),
    };
    await mkdir(join(options.experimentsFolder, "results"), { recursive: true });
    await writeResult(resultFile(options, planned.key), result);
    await rm(scoresFolder, { recursive: true, force: true });
    return result;
  };
}

/** Phases that are trained once for all runs which agree in what they read, and how long they took. */
function sharedPhases(
  keyed: KeyedConfig,
  { experimentsFolder }: ExperimentOptions,
  listener: ExperimentListener,
  ownCode: string,
): {
  checkpointFolder(phase: string): string;
  within(run: Run): Run["phase"];
  seconds(): number;
  code(): string[];
} {
  const folders = new Map<string, string>();
  const codes = new Set([ownCode]);
  let total = 0;
  return {
    checkpointFolder: (phase) => checkpointIn(folders.get(phase)!),
    seconds: () => total,
    code: () => [...codes],
    within: (run) => async (name, title, create) => {
      const folder = join(experimentsFolder, "phases", await phaseKey(keyed, name));
      folders.set(name, folder);
      await mkdir(folder, { recursive: true });
      const release = await claimFolder(folder);
      const earlier = await readSeconds(folder);
      const trainedBy = await readCodes(folder);
      const startedMs = performance.now();
      let created = false;
      try {
        const values = await run.phase(name, title, async () => {
          created = true;
          // Before it trains: a killed process, too, says whose steps are in the checkpoint.
          await writeFileAtomic(join(folder, codesFile), [...new Set([...trainedBy, ownCode])].join("\n"));
          return create();
        });
        for (const code of trainedBy) codes.add(code);
        if (!created) listener.phaseFound?.(title);
        return values;
      } finally {
        const seconds = earlier + (created ? (performance.now() - startedMs) / 1000 : 0);
        if (created) await writeFileAtomic(join(folder, secondsFile), String(seconds));
        total += seconds;
        await release();
      }
    },
  };
}

/** Beside a phase's checkpoint: the seconds spent on it, and keys of the code that trained it, a line each. */
const [secondsFile, codesFile] = ["seconds", "code"];

function checkpointIn(phaseFolder: string): string {
  return join(phaseFolder, "checkpoint");
}

/** Keys of the code whose steps a phase's checkpoint has; none without a checkpoint. */
async function readCodes(folder: string): Promise<string[]> {
  if (!existsSync(checkpointIn(folder))) return [];
  const text = await readFile(join(folder, codesFile), "utf8").catch(() => unknownCode);
  return text.split("\n");
}

async function readSeconds(folder: string): Promise<number> {
  return Number(await readFile(join(folder, secondsFile), "utf8").catch(() => "0"));
}
