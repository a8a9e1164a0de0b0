import type { PhaseResult, PhaseSpec, ProgressListener, Runtime, Values } from "@corella/engine";
import type { RunConfig } from "./config/config.ts";
import type { PreparedData } from "./data.ts";

/** What a stage computes from: a configuration, its data, and what computes. */
export interface StageInputs {
  readonly config: RunConfig;
  readonly data: PreparedData;
  readonly runtime: Runtime;
}

/** A phase that has ended, under the title it was shown with. */
export interface TrainedPhase extends PhaseResult {
  readonly title: string;
  /** How long it took, in milliseconds; undefined where a part of it was done by an earlier process. */
  readonly ms: number | undefined;
}

/** One training by a recipe, from its data to its bundle. */
export interface Run extends StageInputs {
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
  readonly listener: ProgressListener;
  readonly signal: AbortSignal | undefined;
  /** The phases that have ended, in their order. */
  readonly phases: readonly TrainedPhase[];
  /** Is told how long a model took for some samples. @param lane the model's name */
  scored(lane: string, samples: number, ms: number): void;
  /**
   * Runs a phase to its end, from its checkpoint if there is one, and gives the values that it trained.
   * @param name of the phase's checkpoint @param title for people
   * @param create is called unless the phase has ended already
   * @throws CorellaError `train/interrupted`, `train/diverged`, and those of `create`
   */
  phase(name: string, title: string, create: () => Promise<PhaseSpec>): Promise<Values>;
}
