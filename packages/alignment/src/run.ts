import {
  runPhase,
  type PhaseResult,
  type PhaseSpec,
  type ProgressListener,
  type Runtime,
  type Values,
} from "@corella/engine";
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
}

/** A phase that has ended, under the title it was shown with. */
export interface TrainedPhase extends PhaseResult {
  readonly title: string;
}

/** Rows that one model scores. */
export interface Scoring {
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
  /** The phases that have ended, in their order. */
  readonly phases: readonly TrainedPhase[];
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

/** A run whose phases keep their checkpoints in folders. @param inputs.checkpointFolder of a phase, by its name */
export function createRun({
  checkpointFolder,
  ...inputs
}: Omit<Run, "phases" | "phase" | "inChunks"> & { checkpointFolder(phase: string): string }): Run {
  const { config, listener, signal } = inputs;
  const phases: TrainedPhase[] = [];
  return {
    ...inputs,
    phases,
    async phase(name, title, create) {
      const folder = checkpointFolder(name);
      const checkpointEveryMs = config.checkpointEverySeconds * 1000;
      const result = await runPhase({ name, title, folder, listener, signal, checkpointEveryMs }, create);
      phases.push({ ...result, title });
      return result.values;
    },
    async inChunks({ count, chunkSize }, score) {
      for (let start = 0; start < count; start += chunkSize) {
        signal?.throwIfAborted();
        await score(start, Math.min(count, start + chunkSize));
      }
    },
  };
}
