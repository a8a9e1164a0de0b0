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

/** Rows that one model scores. */
export interface Scoring {
  /** The model. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly count: number;
  /** Rows that are scored at once. */
  readonly chunkSize: number;
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
  /** Scores `count` rows, chunk by chunk. @param score gets where a chunk starts and ends among them */
  inChunks(scoring: Scoring, score: (start: number, end: number) => Promise<void>): Promise<void>;
}

/** What a run has before its recipe begins. */
export type RunInputs = Omit<Run, "phases" | "phase" | "inChunks" | "scored">;

/** A run whose phases keep their checkpoints in folders. @param inputs.checkpointFolder of a phase, by its name */
export function createRun({
  checkpointFolder,
  ...inputs
}: RunInputs & { checkpointFolder(phase: string): string }): Run {
  const { config, listener, signal } = inputs;
  const phases: TrainedPhase[] = [];
  const scored: Record<string, { samples: number; ms: number }> = {};
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
      const checkpointEveryMs = config.checkpointEverySeconds * 1000;
      const phase = { name, title, folder, listener: started, signal, checkpointEveryMs };
      const result = await runPhase(phase, create);
      phases.push({ ...result, title, ms: isWhole ? performance.now() - startedMs : undefined });
      return result.values;
    },
    async inChunks({ name, count, chunkSize }, score) {
      const startedMs = performance.now();
      for (let start = 0; start < count; start += chunkSize) {
        signal?.throwIfAborted();
        await score(start, Math.min(count, start + chunkSize));
      }
      const before = scored[name] ?? { samples: 0, ms: 0 };
      scored[name] = { samples: before.samples + count, ms: before.ms + performance.now() - startedMs };
    },
  };
}
