import type { Lane } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";

/** How a lane is started again. */
export interface SupervisionOptions {
  /** A record that the lane can score; it is scored before anyone else's. */
  readonly probe: RatingRecord;
  /** Wait before the first new start after an end; it doubles with each that fails or ends soon. Default 100. */
  readonly firstDelayMs?: number | undefined;
  /** No wait is longer, and a lane that lived as long is started again as after its first end. Default 30,000. */
  readonly longestDelayMs?: number | undefined;
  /** Told when the lane has ended or could not be started again, and with undefined when it answers again. */
  readonly onChange?: ((failure: unknown) => void) | undefined;
}

/**
 * A lane that is opened again when it ends, such as one whose thread has crashed. While there is none its calls fail at once, so
 * that their callers can do without it.
 * @param open gives a new lane at each call
 * @throws CorellaError from `score`: `bundle/lane` while there is none; what `open` and the probe throw where the first one cannot be started
 */
export async function supervisedLane(
  open: () => Promise<Lane>,
  { probe, firstDelayMs = 100, longestDelayMs = 30_000, onChange }: SupervisionOptions,
): Promise<Lane> {
  let current: Lane | undefined;
  let failure: unknown;
  let delayMs = firstDelayMs;
  let timer: NodeJS.Timeout | undefined;
  let disposed = false;

  const tell = (of: unknown): void => {
    try {
      onChange?.(of);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  };

  const openWarm = async (): Promise<Lane> => {
    const lane = await open();
    try {
      await lane.score([probe]);
    } catch (error) {
      await lane.dispose();
      throw error;
    }
    return lane;
  };

  const restartLater = (because: unknown): void => {
    current = undefined;
    failure = because;
    tell(because);
    timer = setTimeout(() => void restart(), delayMs);
    delayMs = Math.min(2 * delayMs, longestDelayMs);
  };

  const use = (lane: Lane): void => {
    current = lane;
    const sinceMs = performance.now();
    const onEnd = (because: unknown): void => {
      if (disposed) return;
      if (performance.now() - sinceMs >= longestDelayMs) delayMs = firstDelayMs;
      restartLater(because);
      // Its thread is gone; what it still holds is let go.
      lane.dispose().catch(() => {});
    };
    void lane.ended?.then(onEnd);
  };

  const restart = async (): Promise<void> => {
    try {
      const lane = await openWarm();
      if (disposed) return await lane.dispose();
      use(lane);
      tell(undefined);
    } catch (error) {
      if (!disposed) restartLater(error);
    }
  };

  use(await openWarm());
  return {
    async score(records, signal) {
      if (current !== undefined) return current.score(records, signal);
      throw new CorellaError({
        code: "bundle/lane",
        message: "The model has ended and is being started again.",
        remedy: "Try again in a few seconds.",
        cause: failure,
      });
    },
    async dispose() {
      disposed = true;
      clearTimeout(timer);
      await current?.dispose();
    },
  };
}
