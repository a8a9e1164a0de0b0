import type { CorellaError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";

/** One of the two models as the Predictor sees it, in this thread, in another or on a server. */
export interface Lane {
  /** Probability of a positive answer for each record, [records]. */
  score(records: readonly RatingRecord[], signal?: AbortSignal): Promise<Float32Array>;
  dispose(): Promise<void>;
  /** Resolves when it can answer no more, although nobody disposed of it; absent where that cannot be. */
  readonly ended?: Promise<CorellaError>;
}
