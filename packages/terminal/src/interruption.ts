import { clearMeters } from "./meter.ts";

/** Whether the user has asked a program to stop. */
export interface Interruption {
  /** Aborted at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Nobody listens any more. */
  stop(): void;
}

/**
 * Listens for SIGINT and SIGTERM. The first signal asks to stop after the step under way and says so on the stream; a
 * second one ends the process as if nobody listened. Both first take the progress bars of the stream away.
 */
export function listenForInterruption(stream: NodeJS.WritableStream): Interruption {
  const abort = new AbortController();
  const stop = (): void => {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  };
  const onInterrupt = (signal: NodeJS.Signals): void => {
    clearMeters(stream);
    if (abort.signal.aborted) {
      stop();
      process.kill(process.pid, signal);
      return;
    }
    stream.write("Interrupting after this step; again to stop at once.\n");
    abort.abort();
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  return { signal: abort.signal, stop };
}
