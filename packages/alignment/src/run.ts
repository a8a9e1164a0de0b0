import {
  runPhase,
  type PhaseResult,
  type PhaseSpec,
  type ProgressListener,
  type Runtime,
  type Values,
} from "@corella/engine";
import type { RemoteLlm } from "@corella/bundle";
import type { PromptConfig } from "@corella/modality";
import type { RunConfig } from "./config/config.ts";
import type { PreparedData } from "./data.ts";
import { readScores, writeScores, type Scoring } from "./scoring.ts";

/** What a stage computes from: a configuration, its data, and what computes. */
export interface StageInputs {
  readonly config: RunConfig;
  readonly data: PreparedData;
  readonly runtime: Runtime;
}

/** A configuration of which every default is known, those that follow from the data too. */
export interface ResolvedConfig extends RunConfig {
  readonly llm: RunConfig["llm"] & { readonly maxTokens: number };
  readonly prompt: PromptConfig;
}

/** A phase that has ended, under the title it was shown with. */
export interface TrainedPhase extends PhaseResult {
  readonly title: string;
  /** How long it took, in milliseconds; undefined where a part of it was done by an earlier process. */
  readonly ms: number | undefined;
}

/** One training by a recipe, from its data to its bundle. */
export interface Run extends StageInputs {
  readonly config: ResolvedConfig;
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
  readonly listener: ProgressListener;
  readonly signal: AbortSignal | undefined;
  /** Of an adapter that was tuned elsewhere, by the decoder's names: the stages that tune the LLM are then left out. */
  readonly adapter?: Values | undefined;
  /** A server that has the tuned LLM and scores for it. */
  readonly remoteLlm?: RemoteLlm | undefined;
  /** The phases that have ended, in their order. */
  readonly phases: readonly TrainedPhase[];
  /** How long models took for the rows that they scored, by their names. */
  readonly scored: Readonly<Record<string, { readonly samples: number; readonly ms: number }>>;
  /**
   * Runs a phase to its end, from its checkpoint if there is one, and gives the values that it trained.
   * @param name of the phase's checkpoint @param title for people
   * @param create is called unless the phase has ended already
   * @throws CorellaError `train/interrupted`, `train/diverged`, and those of `create`
   */
  phase(name: string, title: string, create: () => Promise<PhaseSpec>): Promise<Values>;
  /**
   * The answers of a model to rows, in their order, chunk by chunk; those that were kept before an interruption are taken.
   * @param score gets where a chunk starts and ends among the rows, and gives its answers
   */
  inChunks(
    scoring: Scoring,
    score: (start: number, end: number) => Promise<Float32Array>,
  ): Promise<Float32Array>;
}

/** What a run has before its recipe begins. */
export type RunInputs = Omit<Run, "phases" | "phase" | "inChunks" | "scored">;

/**
 * A run whose phases and scorings keep in folders how far they are.
 * @param inputs.checkpointFolder of a phase, by its name @param inputs.scoresFolder of all that is scored
 */
export function createRun({
  checkpointFolder,
  scoresFolder,
  ...inputs
}: RunInputs & { checkpointFolder(phase: string): string; readonly scoresFolder: string }): Run {
  const { config, listener, signal } = inputs;
  const phases: TrainedPhase[] = [];
  const scored: Record<string, { samples: number; ms: number }> = {};
  const checkpointEveryMs = config.checkpointEverySeconds * 1000;
  return {
    ...inputs,
    phases,
    scored,
    async phase(name, title, create) {
      let isWhole = false;
      const started: ProgressListener = {
        ...listener,
        phaseStarted(phase) {
          isWhole = phase.step === 0;
          listener.phaseStarted?.(phase);
        },
      };
      const startedMs = performance.now();
      const folder = checkpointFolder(name);
      const phase = { name, title, folder, listener: started, signal, checkpointEveryMs };
      const result = await runPhase(phase, create);
      phases.push({ ...result, title, ms: isWhole ? performance.now() - startedMs : undefined });
      return result.values;
    },
    async inChunks(scoring, score) {
      const { name, rows, chunkSize } = scoring;
      const kept = await readScores(scoresFolder, scoring);
      const answers = new Float32Array(rows.length);
      answers.set(kept.answers);
      let [done, ms, keptMs] = [kept.answers.length, kept.ms, kept.ms];
      const keep = async (): Promise<void> => {
        if (ms > keptMs) await writeScores(scoresFolder, scoring, { answers: answers.subarray(0, done), ms });
        keptMs = ms;
      };
      try {
        while (done < rows.length) {
          signal?.throwIfAborted();
          const startedMs = performance.now();
          const end = Math.min(rows.length, done + chunkSize);
          answers.set(await score(done, end), done);
          done = end;
          ms += performance.now() - startedMs;
          if (ms - keptMs >= checkpointEveryMs) await keep();
        }
      } finally {
        // A short scoring leaves no file, unless it is interrupted.
        if (done < rows.length || keptMs > 0) await keep();
      }
      const before = scored[name] ?? { samples: 0, ms: 0 };
      scored[name] = { samples: before.samples + rows.length, ms: before.ms + ms };
      return answers;
    },
  };
}
