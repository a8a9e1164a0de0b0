import type { Batch, PhaseSpec, ProgressListener, Values } from "@corella/engine";
import type { RunConfig } from "./config/config.ts";
import { crmImportance } from "./crm/importance.ts";
import { recipes } from "./recipes/recipes.ts";
import type { Run } from "./run.ts";
import type { Scoring } from "./scoring.ts";
import { prepareRun, type PreparingOptions } from "./train.ts";
import { copied } from "./values.ts";

/** A part of a training as a few of its steps foretell it. */
export interface MeasuredPart {
  readonly title: string;
  /** The most steps that it makes; of scoring: rows. */
  readonly steps: number;
  /** Of one step, or of one row that is scored; 0 where nothing was measured alone. */
  readonly stepMs: number;
  /** Of the whole part, with its preparation and its validations. */
  readonly totalMs: number;
  /** The process's memory at its highest so far. */
  readonly peakBytes: number;
}

/** How long a training will take and how much memory. */
export interface DryRun {
  /** In the order of the training; the last one is all that was done and not measured alone. */
  readonly parts: readonly MeasuredPart[];
  /** At most: a stage may end early. */
  readonly totalMs: number;
  readonly peakBytes: number;
}

/** Steps of a part are measured until there are so many, or so many milliseconds went by and there are two. */
const [mostSteps, enoughMs] = [20, 500];
/** Batches of a phase whose sizes are looked at. */
const lookedAt = 12;
/** So many chunks of rows are scored and measured. */
const chunks = 3;

/**
 * Goes through a training without training: the recipe itself runs, but of each phase and each scoring only a few steps,
 * which are measured and multiplied. Nothing is written except to the cache of prepared data.
 * @throws CorellaError those of `train` before its first phase
 */
export async function dryRun(config: RunConfig, options: PreparingOptions): Promise<DryRun> {
  const startedMs = performance.now();
  const { note } = options.listener ?? {};
  // What a recipe tells after its checks is of models that have learned nothing.
  let measuring = false;
  const listener: ProgressListener = {
    note(text) {
      if (!measuring) note?.(text);
    },
  };
  const parts: MeasuredPart[] = [];
  let measuredMs = 0;
  /** Measures a part. @param measure gives the milliseconds of a step and of the whole part */
  const part = async (
    title: string,
    measure: () => Promise<Pick<MeasuredPart, "steps" | "stepMs" | "totalMs">>,
  ): Promise<void> => {
    measuring = true;
    note?.(`Measuring: ${title}`);
    const beganMs = performance.now();
    const measured = await measure();
    measuredMs += performance.now() - beganMs;
    parts.push({ title, ...measured, peakBytes: peakMemory() });
  };
  const run: Run = {
    ...(await prepareRun(config, { ...options, listener })),
    phases: [],
    scored: {},
    async phase(_, title, create) {
      let values: Values = {};
      await part(title, async () => {
        const beganMs = performance.now();
        const phase = await create();
        try {
          const measured = await measurePhase(phase, performance.now() - beganMs);
          values = copied(phase.trainer.values);
          return measured;
        } finally {
          await phase.dispose?.();
          await phase.trainer.dispose();
        }
      });
      return values;
    },
    async inChunks(scoring, score) {
      const { title, rows } = scoring;
      const count = rows.length;
      // Not every row is scored: the others are as unsure as can be.
      const answers = new Float32Array(count).fill(0.5);
      const known = parts.findIndex((other) => other.title === title);
      if (known < 0) {
        await part(title, async () => {
          const stepMs = await measureScoring(scoring, async (start, end) =>
            answers.set(await score(start, end), start),
          );
          return { steps: count, stepMs, totalMs: stepMs * count };
        });
        return answers;
      }
      // The same model on another part of the data.
      const { stepMs, ...measured } = parts[known]!;
      const steps = measured.steps + count;
      parts[known] = { ...measured, stepMs, steps, totalMs: stepMs * steps };
      return answers;
    },
  };
  const { models } = await recipes[run.config.recipe](run);
  const { crm } = models;
  if (crm !== undefined) await part("Importance of the CRM's features", () => measureImportance(run, crm));
  const restMs = performance.now() - startedMs - measuredMs;
  const peakBytes = peakMemory();
  parts.push({ title: "All else", steps: 0, stepMs: 0, totalMs: restMs, peakBytes });
  return { parts, totalMs: parts.reduce((sum, { totalMs }) => sum + totalMs, 0), peakBytes };
}

/** Highest resident memory of this process, in bytes. */
function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** @param setUpMs what making the phase took */
async function measurePhase(
  { trainer, steps, validation, ...phase }: PhaseSpec,
  setUpMs: number,
): Promise<Pick<MeasuredPart, "steps" | "stepMs" | "totalMs">> {
  // A stage that is left out, such as `stages.skip: [warmUp]`.
  if (steps === 0) return { steps, stepMs: 0, totalMs: setUpMs };
  const { accumulate } = trainer;
  const count = Math.min(lookedAt, steps * accumulate);
  const batches: { batch: Batch; size: number }[] = [];
  for (let i = 0; i < count; i++) {
    // In order: those of a stream come at once so, and those of an LLM are mixed anyway.
    const batch = await phase.batch(i);
    batches.push({ batch, size: sizeOf(batch) });
  }
  batches.sort((a, b) => b.size - a.size);
  const scale = { learningRateScale: phase.learningRateScale?.(0) ?? 1 };
  // The largest first: it needs the most memory, and what the first step does once is not counted. An update ends with it.
  for (let i = 0; i < accumulate; i++) await trainer.step(batches[0]!.batch, scale);
  const middle = batches.toSorted((a, b) => middleness(batches, a) - middleness(batches, b));
  let [spentMs, size, done] = [0, 0, 0];
  while (done < mostSteps && (done < 2 || spentMs < enoughMs)) {
    const one = middle[done % middle.length]!;
    const beganMs = performance.now();
    for (let i = 0; i < accumulate; i++) await trainer.step(one.batch, scale);
    spentMs += performance.now() - beganMs;
    size += one.size;
    done++;
  }
  // A batch takes time in proportion to its size.
  const meanSize = batches.reduce((sum, one) => sum + one.size, 0) / batches.length;
  const stepMs = (spentMs / size) * meanSize;
  let validationsMs = 0;
  if (validation !== undefined) {
    const beganMs = performance.now();
    await validation.evaluate();
    validationsMs = (performance.now() - beganMs) * (1 + Math.ceil(steps / validation.every));
  }
  return { steps, stepMs, totalMs: setUpMs + stepMs * steps + validationsMs };
}

/** How far a batch is from the one of middle size, among batches by size. */
function middleness<Sized>(sorted: readonly Sized[], one: Sized): number {
  return Math.abs(sorted.indexOf(one) - (sorted.length - 1) / 2);
}

/** Numbers in a batch. */
function sizeOf(batch: Batch): number {
  return Object.values(batch).reduce((sum, { data }) => sum + data.length, 0);
}

/** Milliseconds of a row, from smaller chunks than the training's. */
async function measureScoring(
  { rows: { length: count }, chunkSize }: Scoring,
  score: (start: number, end: number) => Promise<void>,
): Promise<number> {
  const size = Math.min(count, Math.ceil(chunkSize / 8));
  let spentMs = 0;
  for (let i = 0; i <= chunks; i++) {
    const start = Math.floor((i * (count - size)) / chunks);
    const beganMs = performance.now();
    await score(start, start + size);
    // What the first one does once is not counted.
    if (i > 0) spentMs += performance.now() - beganMs;
  }
  return spentMs / Math.max(1, chunks * size);
}

/** Measures the first two features. */
async function measureImportance(
  run: Run,
  crm: NonNullable<Parameters<typeof crmImportance>[1]>,
): Promise<Pick<MeasuredPart, "steps" | "stepMs" | "totalMs">> {
  const enough = new AbortController();
  let [steps, beganMs, stepMs] = [0, 0, 0];
  const listener: ProgressListener = {
    phaseStarted(phase) {
      steps = phase.steps;
      beganMs = performance.now();
    },
    stepDone(_, step) {
      stepMs = (performance.now() - beganMs) / step;
      if (step === 2) enough.abort();
    },
  };
  try {
    await crmImportance({ ...run, listener, signal: enough.signal }, crm);
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  return { steps, stepMs, totalMs: steps * stepMs };
}
