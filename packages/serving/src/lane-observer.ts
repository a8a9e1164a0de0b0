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

/** An observer that cannot disturb whom it observes. */
export function harmless(observer: LaneObserver | undefined): LaneObserver {
  const safely = <Event>(tell: ((event: Event) => void) | undefined) => {
    return (event: Event): void => {
      try {
        tell?.(event);
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    };
  };
  return {
    batch: safely(observer && ((event) => observer.batch(event))),
    dropped: safely(observer && ((event) => observer.dropped(event))),
  };
}
