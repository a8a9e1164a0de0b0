/** Told of what a lane does under load, for metrics. What it throws becomes a warning of the process and stops nothing. */
export interface LaneObserver {
  /** The lane was asked about a batch and has answered or failed. */
  batch(event: {
    readonly rows: number;
    /** How long each caller of the batch had waited when it began. */
    readonly waitsMs: readonly number[];
    readonly durationMs: number;
  }): void;
  /** Records get no answer. */
  dropped(event: {
    /** `full`: they were refused at once; `expired`: their time was up; `abandoned`: nobody waits; `failed`: the lane threw. */
    readonly reason: "full" | "expired" | "abandoned" | "failed";
    readonly rows: number;
  }): void;
}

/** Follows the records of single callers through a lane, in each caller's own asynchronous context, for traces. */
export interface LaneTrace {
  /** They begin to wait. */
  waiting(rows: number): TracedRows;
}

/** The records of one caller in a lane. */
export interface TracedRows {
  /** The batch that they, or more of them, are in is computed from now on. */
  begun(batch: { readonly rows: number }): void;
  /** They are answered, or were dropped. */
  ended(error?: unknown): void;
}

/** A trace that cannot disturb whom it follows. */
export function harmlessTrace(trace: LaneTrace | undefined, rows: number): TracedRows | undefined {
  let traced: TracedRows | undefined;
  safely(() => (traced = trace?.waiting(rows)))(undefined);
  if (traced === undefined) return undefined;
  const { begun, ended } = traced;
  return { begun: safely(begun), ended: safely(ended) };
}

function safely<Event>(tell: ((event: Event) => void) | undefined) {
  return (event: Event): void => {
    try {
      tell?.(event);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  };
}

/** An observer that cannot disturb whom it observes. */
export function harmless(observer: LaneObserver | undefined): LaneObserver {
  return {
    batch: safely(observer && ((event) => observer.batch(event))),
    dropped: safely(observer && ((event) => observer.dropped(event))),
  };
}
