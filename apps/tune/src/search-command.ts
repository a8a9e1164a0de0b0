import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  configForFolder,
  isAsha,
  parseRunConfig,
  rank,
  readRunSettings,
  saveTrial,
  trialKindOf,
  tune,
  tuneUnits,
  withDefaultFeatures,
  type SearchConfig,
  type TriedConfig,
  type TuneListener,
  type TuneResult,
} from "@corella/alignment";
import { requireKept } from "@corella/configuration";
import { renderPage } from "@corella/evaluation";
import { writeFileAtomic } from "@corella/files";
import { alignInWidth, duration, listenForInterruption } from "@corella/terminal";
import { besideOf } from "./beside.ts";
import type { TuneCommandOptions } from "./options.ts";
import { tunePage } from "./page.ts";
import { createProcesses } from "./processes.ts";
import { createProgress } from "./progress.ts";
import { readSearch } from "./read-search.ts";
import { resultLines } from "./result-lines.ts";
import { rungsTable } from "./rungs-text.ts";
import { seedsTable, trialsTable } from "./text.ts";
import { inProcesses, onWorkers } from "./unit-places.ts";
import { createUnitsProgress } from "./units-progress.ts";

/**
 * `tune [search]`: searches, trains the best with several seeds and tells of it.
 * @throws CorellaError those of `readSearch`, `tune` and `tuneUnits`
 */
export async function searchCommand(
  searchPath: string | undefined,
  options: TuneCommandOptions,
): Promise<void> {
  const { search, configPath } = await readSearch(searchPath, options);
  requireKept(options.set, Object.keys(search.search));
  const written = await readRunSettings(configPath, options.set);
  const baseFolder = dirname(resolve(configPath));
  const chosen = { config: parseRunConfig(written, configPath), baseFolder };
  const { config } = await withDefaultFeatures(chosen, options.cache, (text) =>
    process.stderr.write(`${text}\n`),
  );
  // Every trial has the same default features.
  const content =
    chosen.config.features === config.features
      ? written
      : { ...(written as object), features: config.features };
  const out = options.out ?? join("runs", `tune-${config.name}-${config.crm.model}`);
  await mkdir(out, { recursive: true });

  const places = {
    baseFolder,
    cacheFolder: resolve(options.cache),
    trialsFolder: resolve(options.trials),
    place: configPath,
  };
  const interruption = listenForInterruption(process.stderr);
  try {
    const inUnits =
      options.workers !== undefined ||
      isAsha(search.stopping) ||
      trialKindOf(search, config.recipe) === "run";
    const searching = { content, search, places, options, out, signal: interruption.signal };
    const result = await (inUnits ? searchInUnits(searching) : searchWatched(searching));
    interruption.stop();
    await report(result, config.name, out, places);
  } finally {
    interruption.stop();
  }
}

interface Searching {
  readonly content: unknown;
  readonly search: SearchConfig;
  readonly places: {
    readonly baseFolder: string;
    readonly cacheFolder: string;
    readonly trialsFolder: string;
    readonly place: string;
  };
  readonly options: TuneCommandOptions;
  readonly out: string;
  readonly signal: AbortSignal;
}

/** Trials in processes of this machine that are watched while they train. */
async function searchWatched(searching: Searching): Promise<TuneResult> {
  const { content, search, places, out, signal } = searching;
  const { parallel = 1, threads = parallel > 1 ? 1 : undefined } = searching.options;
  const progress = createProgress(process.stderr);
  const processes = createProcesses({ ...places, threads });
  const listener = withResults(progress, join(out, "results.jsonl"));
  const { execute } = processes;
  try {
    return await tune(content, search, { ...places, parallel, execute, listener, signal });
  } finally {
    progress.stop();
    processes.stop();
  }
}

/** Trials as units of work, on workers or in processes of this machine. */
async function searchInUnits(searching: Searching): Promise<TuneResult> {
  const { content, search, places, out, signal } = searching;
  const { workers, queue, parallel } = searching.options;
  const { threads = workers !== undefined || (parallel ?? 1) > 1 ? 1 : undefined } = searching.options;
  const { stopping } = search;
  const progress = createUnitsProgress(process.stderr, isAsha(stopping) ? stopping.factor : undefined);
  const noWorker = (): void =>
    progress.note("No worker listens; trials wait. Start one: pnpm worker --redis <url>");
  const units =
    workers === undefined
      ? inProcesses(createProcesses({ ...places, threads }), parallel ?? 1)
      : await onWorkers({ url: workers, queue, slots: parallel, onNoWorker: noWorker });
  const listener = withResults(progress, join(out, "results.jsonl"));
  try {
    const { slots, runUnit } = units;
    return await tuneUnits(content, search, { ...places, slots, runUnit, threads, listener, signal });
  } finally {
    progress.stop();
    await units.close();
  }
}

async function report(
  result: TuneResult,
  name: string,
  out: string,
  places: Searching["places"],
): Promise<void> {
  const { baseFolder } = places;
  const best = configForFolder({ config: result.best.config, baseFolder }, out);
  await writeFileAtomic(join(out, "best.yaml"), best);
  const hasCrm = result.kind === "crm";
  if (hasCrm) await saveTrial(rank(result.seeds)[0]!, join(out, "crm"), places);
  const beside = await besideOf(result, places);
  await writeFileAtomic(join(out, "report.html"), renderPage(tunePage(name, result, beside, best)));
  const tables = [
    ...(result.trials.length > 1 ? [trialsTable(result.trials)] : []),
    ...(result.rungs === undefined || result.rungs.ends.length === 1 ? [] : [rungsTable(result.rungs)]),
    seedsTable(result, beside.simple),
  ];
  const texts = tables.map((table) => alignInWidth(table));
  process.stdout.write(`\n${texts.join("\n\n")}\n\n`);
  if (beside.verdict !== "") process.stdout.write(`${beside.verdict}\n`);
  if (result.rungs !== undefined)
    process.stdout.write(`CPU time of the search: ${duration(1000 * result.rungs.cpuSeconds)}\n`);
  for (const [what, file] of [
    ["Results", "results.jsonl"],
    ["Report", "report.html"],
    ["Best configuration", "best.yaml"],
    ...(hasCrm ? [["CRM of its best seed", "crm"]] : []),
  ])
    process.stdout.write(`${what}: ${join(out, file!)}\n`);
  for (const warning of beside.warnings) process.stdout.write(`warning: ${warning}\n`);
}

/** Writes the lines of results anew after each trial, so that what there is can be read at any time. */
function withResults<Listener extends Pick<TuneListener, "planned" | "ended">>(
  progress: Listener,
  path: string,
): Listener {
  const parts: { search: readonly TriedConfig[]; seeds: readonly TriedConfig[] } = { search: [], seeds: [] };
  let part: "search" | "seeds" = "search";
  let writing: Promise<void> = Promise.resolve();
  return {
    ...progress,
    planned(name, trials) {
      part = name;
      progress.planned?.(name, trials);
    },
    async ended(trial, tried, all) {
      await progress.ended?.(trial, tried, all);
      parts[part] = all;
      writing = writing.then(() => writeFileAtomic(path, resultLines(parts.search, parts.seeds)));
      await writing;
    },
  } satisfies Pick<TuneListener, "planned" | "ended"> & Listener;
}
