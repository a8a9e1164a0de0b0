/** One piece of work as a command. Running it again, also while another attempt runs, must end in the same result. */
export interface Unit {
  /** Names the unit within its queue and in messages. */
  readonly id: string;
  /** A program's name, one or two words that `Programs` lists, and its arguments. The environment is no part of it. */
  readonly command: readonly string[];
}

/** Places units somewhere. What they do, and that an attempt may be repeated, is the unit's own matter. */
export interface Engine {
  /** How many units may run at once at this moment; at least 1. */
  readonly slots: number;
  /**
   * Resolves when the unit has succeeded once. Units beyond `slots` wait. An attempt whose process died, or that ended with an
   * exit code that says so (see `isRetryable`), is repeated a bounded number of times.
   * @throws CorellaError `jobs/unit-failed` with the unit and the last lines of its log, `jobs/not-allowed` for another program
   * than those listed, `jobs/interrupted` when the signal came
   */
  run(unit: Unit, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Lets go of all that is held; units that still run here are ended. */
  close(): Promise<void>;
}

/**
 * All that may be run, by the one or two words with which a unit's command begins (`"score run"`): node's arguments, the file to run
 * among them; the command's words from the second on come behind.
 */
export type Programs = Readonly<Record<string, readonly string[]>>;

/** The exit code of a unit that may succeed if it is tried again: EX_TEMPFAIL of sysexits.h. */
export const temporaryFailure = 75;

/** Whether an attempt that ended so may be repeated: a signal, `temporaryFailure`, or above 128, as a shell tells a signal. */
export function isRetryable(code: number | null): boolean {
  return code === null || code === temporaryFailure || code > 128;
}
