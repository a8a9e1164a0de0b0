import { clearMeters } from "./meter.ts";

/** Goes to the beginning of a terminal's line and clears it. */
const clearLine = "\r\u001B[2K";

/** Whether the user has asked a program to stop. */
export interface Interruption {
  /** Aborted at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Nobody listens any more: a signal ends the process, as it should where nothing is left that could be interrupted. */
  stop(): void;
}

/**
 * Listens for SIGINT and SIGTERM. The first signal asks to stop after the step under way and says so on the stream; a
 * second one ends the process as if nobody listened. Both first take the progress bars of the stream away.
 */
export function listenForInterruption(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
): Interruption {
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
    // A terminal has echoed the keys.
    if (stream.isTTY === true) stream.write(clearLine);
    stream.write("Interrupting after this step; again to stop at once.\n");
    abort.abort();
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  return { signal: abort.signal, stop };
}
