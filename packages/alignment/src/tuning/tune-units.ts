import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { claimFolder } from "@corella/files";
import { parseRunConfig } from "../config/config.ts";
import type { Decision, RungEntry, RungJob } from "./asha.ts";
import { openJournal, type JournalledAsha } from "./journal.ts";
import { planTrials, trialKindOf, type PlannedTrial, type PlanOptions } from "./plan.ts";
import { rungEnds, type RungEnds } from "./rungs.ts";
import { enumerateTrials, isAsha, type SearchConfig, type TrialKind } from "./search-space.ts";
import { readSpent } from "./spent.ts";
import {
  bestTrial,
  planSeeds,
  requireSeeds,
  type TriedConfig,
  type TuneListener,
  type TuneResult,
} from "./tune.ts";
import {
  createUnitResults,
  type Taken,
  type UnitPlaces,
  type UnitResults,
  type Wanted,
} from "./unit-results.ts";
import { workOff } from "./work-off.ts";

/** How a search places its trials, and who watches it. */
export interface UnitsOptions extends PlanOptions, UnitPlaces {
  /** How many units may be placed at once, as of now. */
  slots(): number;
  readonly listener?: UnitsListener;
  readonly signal?: AbortSignal | undefined;
}

/** What a search in units shows while it works. `ended` is told of every rung's end, and once of each seed. */
export interface UnitsListener extends Pick<TuneListener, "planned" | "ended"> {
  /** The plan of the search. @param ends of the rungs; one for trials that are trained whole */
  rungs?(kind: TrialKind, ends: RungEnds): void;
  /** A unit was given away. @param decision by which it was; undefined of a seed */
  placed?(trial: number, decision: Decision | undefined): void;
}

/**
 * Tries configurations as units of work that other processes or machines run: under asynchronous successive halving where the
 * search says so, else each to its end. Then the best is trained with several seeds, without stopping, and scored on the test part.
 * Decisions are kept in a journal below `trialsFolder`, which is shared with whoever runs units: the same call goes on with an
 * interrupted search and decides as it would have.
 * @param content of the run's configuration
 * @throws CorellaError `tune/no-result` when every trial diverged, `tune/seed-diverged` when a seed of the best did, `tune/no-unit-result` where a unit's file does not arrive, `tune/journal`,
 * `file/in-use` while another process makes the same search, `train/interrupted`, and those of `planTrials` and of `runUnit`
 */
export async function tuneUnits(
  content: unknown,
  search: SearchConfig,
  options: UnitsOptions,
): Promise<TuneResult> {
  const { listener = {}, trialsFolder } = options;
  const kind = trialKindOf(search, parseRunConfig(content, options.place).recipe);
  const planned = await planTrials(content, enumerateTrials(search), options, kind);
  const rule = isAsha(search.stopping) ? search.stopping : undefined;
  const ends: RungEnds =
    rule !== undefined && kind === "crm"
      ? rungEnds(
          rule,
          planned.map(({ config }) => config.stages.warmUp),
        )
      : [null];
  const shape = { trials: planned.length, rungs: ends.length, factor: rule?.factor ?? 2 };
  const folder = join(trialsFolder, `search-${hashOf([shape, ends, planned.map(({ key }) => key)])}`);
  await mkdir(folder, { recursive: true });
  const release = await claimFolder(folder);
  const unitResults = createUnitResults(kind, folder, options);
  try {
    listener.planned?.("search", planned);
    listener.rungs?.(kind, ends);
    const journal = await openJournal(join(folder, "journal.jsonl"), shape);
    let trials: TriedConfig[];
    let rungs: readonly (readonly RungEntry[])[];
    try {
      trials = await runSearch(planned, ends, journal, unitResults, options);
      rungs = journal.rungs();
    } finally {
      await journal.close();
    }
    const best = bestTrial(trials, options);
    const seedPlan = await planSeeds(content, search, best, options, kind);
    listener.planned?.("seeds", seedPlan);
    const seeds = await runSeeds(seedPlan, unitResults, options);
    requireSeeds(seeds, options);
    const cpuSeconds = trials.reduce((sum, { cpuSeconds: of = 0 }) => sum + of, 0);
    return {
      trials,
      best,
      seeds,
      kind,
      rungs: { ends, factor: ends.length > 1 ? rule?.factor : undefined, rungs, cpuSeconds },
    };
  } finally {
    await release();
  }
}

async function runSearch(
  planned: readonly PlannedTrial[],
  ends: RungEnds,
  journal: JournalledAsha,
  results: UnitResults,
  options: UnitsOptions,
): Promise<TriedConfig[]> {
  const { listener = {} } = options;
  const tried: TriedConfig[] = [];
  const unitOf = ({ trial, rung }: RungJob): Wanted => {
    return { trial: planned[trial]!, epochs: ends[rung]!, test: false };
  };
  const take = async ({ trial, rung }: RungJob, taken: Taken): Promise<void> => {
    tried[trial] = { ...(await triedOf(planned[trial]!, taken)), rung };
    await listener.ended?.(
      trial,
      tried[trial],
      tried.filter((each) => each !== undefined),
    );
  };

  const lost: RungJob[] = [];
  for (const job of latestResults(journal.rungs())) {
    const result = await results.found(unitOf(job));
    if (result === undefined) lost.push(job);
    else await take(job, { result, reused: true });
  }
  const again = journal.running();
  await workOff(options, async () => {
    const gone = lost.shift();
    if (gone !== undefined) return async (signal) => take(gone, await results.get(unitOf(gone), signal));
    for (;;) {
      const decision = again.shift() ?? (await journal.next());
      if (decision === undefined) return undefined;
      listener.placed?.(decision.trial, decision);
      if (decision.carried) continue;
      return async (signal) => {
        const taken = await results.get(unitOf(decision), signal);
        const { status, best } = taken.result;
        const score = status === "diverged" ? Number.NaN : (best?.score ?? Number.NaN);
        await journal.report(decision, { score, ended: status !== "paused" });
        await take(decision, taken);
      };
    }
  });
  return tried;
}

/** The highest rung of each trial of which there is a file. */
function latestResults(rungs: readonly (readonly RungEntry[])[]): RungJob[] {
  const latest = new Map<number, RungJob>();
  for (const [rung, entries] of rungs.entries())
    for (const { trial, carried } of entries) if (!carried) latest.set(trial, { trial, rung });
  return [...latest.values()];
}

async function runSeeds(
  planned: readonly PlannedTrial[],
  results: UnitResults,
  options: UnitsOptions,
): Promise<TriedConfig[]> {
  const { listener = {} } = options;
  const tried: TriedConfig[] = [];
  let next = 0;
  await workOff(options, () => {
    const index = next++;
    const trial = planned[index];
    if (trial === undefined) return Promise.resolve(undefined);
    listener.placed?.(index, undefined);
    return Promise.resolve(async (signal: AbortSignal) => {
      tried[index] = await triedOf(trial, await results.get({ trial, epochs: null, test: true }, signal));
      await listener.ended?.(
        index,
        tried[index],
        tried.filter((each) => each !== undefined),
      );
    });
  });
  return tried;
}

async function triedOf(trial: PlannedTrial, { result, reused }: Taken): Promise<TriedConfig> {
  const { seconds, cpuSeconds } = await readSpent(trial.folder);
  return { ...trial, record: { ...result, seconds }, reused, cpuSeconds };
}

function hashOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 24);
}
