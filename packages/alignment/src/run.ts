import type { PhaseResult, PhaseSpec, ProgressListener, Runtime, Values } from "@corella/engine";
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
