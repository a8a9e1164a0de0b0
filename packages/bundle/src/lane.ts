import type { RatingRecord } from "@corella/modality";

/** One of the two models as the Predictor sees it, in this thread, in another or on a server. */
export interface Lane {
  /** Probability of a positive answer for each record, [records]. */
  score(records: readonly RatingRecord[], signal?: AbortSignal): Promise<Float32Array>;
  dispose(): Promise<void>;
}
