import { CorellaError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";
import type { Lane } from "./lane.ts";

/** Why a sample that was routed to the LLM has the CRM's answer. */
export interface Degradation {
  /**
   * `failed`: the LLM threw, or its thread died; `timeout`: its time was up; `aborted`: the caller stopped waiting for it;
   * `full`: too much waits for it; `budget`: what it may do was used up.
   */
  readonly reason: "failed" | "timeout" | "aborted" | "full" | "budget";
  /** Code of a CorellaError, for example `bundle/lane`; otherwise the error's name, for example `TypeError`. */
  readonly code: string;
  /** What was thrown, for a log. */
  readonly cause: unknown;
}

/** What lanes with a queue throw when they compute nothing. */
const reasonByCode: Readonly<Record<string, Degradation["reason"]>> = {
  "serving/full": "full",
  "serving/expired": "timeout",
};

/**
 * Tells why the LLM did not answer.
 * @param error what its lane threw, or a `TimeoutError` of the wait for it
 * @param llmSignal ended the wait for it, or not; its reason is a `TimeoutError` where it is one of `AbortSignal.timeout`
 */
export function degradationBy(error: unknown, llmSignal: AbortSignal | undefined): Degradation {
  // A lane may have wrapped the signal's reason in an error of its own.
  const cause: unknown = llmSignal?.aborted === true ? llmSignal.reason : error;
  const code = codeOf(cause);
  const stopped = llmSignal?.aborted === true ? "aborted" : "failed";
  return { reason: code === "TimeoutError" ? "timeout" : (reasonByCode[code] ?? stopped), code, cause };
}

/** The mark of a sample for which the LLM's budget did not suffice. */
export function overBudget(): Degradation {
  const cause = new CorellaError({
    code: "bundle/budget",
    message: "The budget of the LLM is used up.",
    remedy: "Raise the budget, or let fewer samples be routed to the LLM.",
  });
  return { reason: "budget", code: cause.code, cause };
}

function codeOf(error: unknown): string {
  if (CorellaError.isInstance(error)) return error.code;
  return error instanceof Error ? error.name : typeof error;
}

/** How long a caller waits for a lane. */
export interface Patience {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/**
 * What a lane says of records, unless its caller's patience ends: a lane that does not listen to signals cannot hold up its caller.
 * @throws what the lane throws, the signal's reason, or a `TimeoutError` when the time is up
 */
export async function answerWithin(
  { signal, timeoutMs }: Patience,
  lane: Lane,
  records: readonly RatingRecord[],
): Promise<Float32Array> {
  if (signal === undefined && timeoutMs === undefined) return lane.score(records);
  signal?.throwIfAborted();
  // Cheaper than `AbortSignal.any` and `AbortSignal.timeout`, whose timers outlive the answer.
  const abort = timeoutMs === undefined ? undefined : new AbortController();
  return new Promise((resolve, reject) => {
    const stop = (reason: unknown): void => {
      reject(reason);
      abort?.abort(reason);
    };
    const onAbort = (): void => stop(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => stop(new DOMException("The time for an answer was up.", "TimeoutError")),
            Math.max(0, timeoutMs),
          );
    lane
      .score(records, abort?.signal ?? signal)
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      });
  });
}
