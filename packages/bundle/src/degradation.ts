import { CorellaError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";
import type { Lane } from "./lane.ts";

/** Why a sample that was routed to the LLM has the CRM's answer. */
export interface Degradation {
  /** `failed`: the LLM threw, or its thread died; `timeout`: its time was up; `aborted`: the caller stopped waiting for it. */
  readonly reason: "failed" | "timeout" | "aborted";
  /** Code of a CorellaError, for example `bundle/lane`; otherwise the error's name, for example `TypeError`. */
  readonly code: string;
  /** What was thrown, for a log. */
  readonly cause: unknown;
}

/**
 * Tells why the LLM did not answer.
 * @param error what its lane threw
 * @param llmSignal ended the wait for it, or not; its reason is a `TimeoutError` where it is one of `AbortSignal.timeout`
 */
export function degradationBy(error: unknown, llmSignal: AbortSignal | undefined): Degradation {
  if (llmSignal?.aborted !== true) return { reason: "failed", code: codeOf(error), cause: error };
  // A lane may have wrapped it in an error of its own.
  const cause: unknown = llmSignal.reason;
  const code = codeOf(cause);
  return { reason: code === "TimeoutError" ? "timeout" : "aborted", code, cause };
}

function codeOf(error: unknown): string {
  if (CorellaError.isInstance(error)) return error.code;
  return error instanceof Error ? error.name : typeof error;
}

/**
 * What a lane says of records, unless a signal ends the wait for it: a lane that does not listen to the signal cannot hold
 * up its caller.
 * @throws what the lane throws, or the signal's reason
 */
export async function answerUnless(
  signal: AbortSignal | undefined,
  lane: Lane,
  records: readonly RatingRecord[],
): Promise<Float32Array> {
  if (signal === undefined) return lane.score(records);
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    lane
      .score(records, signal)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort));
  });
}
