import type { Lane } from "@corella/bundle";
import type { RatingRecord } from "@corella/modality";
import { createDeadlines } from "./deadlines.ts";
import { estimatedBytes } from "./estimated-bytes.ts";
import {
  harmless,
  harmlessTrace,
  type LaneObserver,
  type LaneTrace,
  type TracedRows,
} from "./lane-observer.ts";
import { closed, expired, full, isTimeout, misanswered } from "./queue-errors.ts";

/** Bounds of a queue before a lane. */
export interface QueueOptions {
  /** The most records of a batch; a call of more becomes several batches, between which others get their turn. Default 256. */
  readonly batchRows?: number | undefined;
  /** How long an idle lane waits for a batch to fill, from the first record on. Default 0: it begins with those that come in one turn of the event loop. */
  readonly batchWaitMs?: number | undefined;
  /** The most records that wait. Default 4096. */
  readonly queueRows?: number | undefined;
  /** The most bytes that the records that wait take, by an estimate of their JSON. Default 64 MiB. */
  readonly queueBytes?: number | undefined;
  /** Batches that the lane is asked about at once: one for a model here, more for a server that computes several. Default 1. */
  readonly concurrency?: number | undefined;
  readonly observer?: LaneObserver | undefined;
  readonly trace?: LaneTrace | undefined;
}

/** What a call of a queued lane may say besides its records. */
export interface CallOptions {
  /** The moment of `performance.now()` after which the answer is worth nothing. */
  readonly deadlineMs?: number | undefined;
}

/** A lane that many callers ask at once. */
export interface QueuedLane extends Lane {
  /** What waits, without what is being computed. */
  readonly waiting: { readonly rows: number; readonly bytes: number };
  /**
   * Probabilities of records, [records], computed in batches with those of other callers. A call whose signal is aborted or whose
   * deadline passes ends at once, and of its records those that have not begun are never computed.
   * @throws CorellaError `serving/full` at once where the records do not fit (may be tried again), `serving/expired`, what the lane
   * throws about these records alone, and the signal's reason
   */
  score(records: readonly RatingRecord[], signal?: AbortSignal, options?: CallOptions): Promise<Float32Array>;
}

/** A call that has no answer yet. */
interface Call {
  readonly records: readonly RatingRecord[];
  readonly bytes: number;
  readonly sinceMs: number;
  readonly scores: Float32Array;
  /** Records that have begun. */
  begun: number;
  /** Records that are answered. */
  answered: number;
  /** What the call is part of now; aborted where no call of a batch is left. */
  readonly batches: Set<Batch>;
  settled: boolean;
  readonly traced: TracedRows | undefined;
  readonly settle: (error?: { readonly reason: unknown }) => void;
}

/** Records of a call that are computed together. */
interface Part {
  readonly call: Call;
  readonly start: number;
  readonly end: number;
}

interface Batch {
  readonly parts: readonly Part[];
  readonly abort: AbortController;
}

/**
 * Puts a queue before a lane: what comes while the lane is busy becomes its next batch. Each caller gets what the lane alone would
 * have told: where a batch fails, it is computed again caller by caller, so that one's mistake is nobody else's.
 */
export function queuedLane(lane: Lane, options: QueueOptions = {}): QueuedLane {
  const {
    batchRows = 256,
    batchWaitMs = 0,
    queueRows = 4096,
    queueBytes = 2 ** 26,
    concurrency = 1,
  } = options;
  const observer = harmless(options.observer);
  const queue = new Set<Call>();
  const deadlines = createDeadlines<Call>((call) => drop(call, "expired", expired()));
  let waitingRows = 0;
  let waitingBytes = 0;
  let running = 0;
  let filling: NodeJS.Timeout | undefined;
  let isAdvancing = false;
  let disposed = false;

  /** Takes a call out of the queue. */
  const leave = (call: Call): void => {
    if (!queue.delete(call)) return;
    waitingRows -= call.records.length - call.begun;
    waitingBytes -= call.bytes;
  };

  /** Ends a call without an answer. */
  const drop = (call: Call, reason: "expired" | "abandoned" | "failed", error: unknown): void => {
    if (call.settled) return;
    leave(call);
    call.settle({ reason: error });
    observer.dropped({ reason, rows: call.records.length - call.answered });
    for (const { parts, abort } of call.batches)
      if (parts.every((part) => part.call.settled)) abort.abort(error);
  };

  /** The next records in the order of their calls; a call of many gives way to the others after a batch. */
  const nextParts = (): Part[] => {
    const parts: Part[] = [];
    let rows = 0;
    for (const call of queue) {
      const start = call.begun;
      const end = Math.min(call.records.length, start + batchRows - rows);
      parts.push({ call, start, end });
      leave(call);
      call.begun = end;
      rows += end - start;
      if (rows === batchRows) break;
    }
    const last = parts.at(-1)?.call;
    if (last !== undefined && last.begun < last.records.length) enter(last);
    return parts;
  };

  const enter = (call: Call): void => {
    queue.add(call);
    waitingRows += call.records.length - call.begun;
    waitingBytes += call.bytes;
  };

  /** Asks the lane about parts of calls; what it says goes to the calls that still wait. */
  const ask = async (parts: readonly Part[]): Promise<void> => {
    const batch: Batch = { parts, abort: new AbortController() };
    const records = parts.length === 1 ? slice(parts[0]!) : parts.flatMap((part) => slice(part));
    for (const { call } of parts) {
      call.batches.add(batch);
      call.traced?.begun({ rows: records.length });
    }
    const startedMs = performance.now();
    try {
      const scores = await lane.score(records, batch.abort.signal);
      if (scores.length !== records.length) throw misanswered(scores.length, records.length);
      let at = 0;
      for (const { call, start, end } of parts) {
        call.scores.set(scores.subarray(at, at + end - start), start);
        at += end - start;
        call.answered += end - start;
        if (call.answered === call.records.length && !call.settled) call.settle();
      }
    } finally {
      for (const { call } of parts) call.batches.delete(batch);
      observer.batch({
        rows: records.length,
        waitsMs: parts.map(({ call }) => startedMs - call.sinceMs),
        durationMs: performance.now() - startedMs,
      });
    }
  };

  /** Computes a batch; where it fails, each call of it alone. Never throws. */
  const compute = async (parts: readonly Part[]): Promise<void> => {
    try {
      await ask(parts);
    } catch (error) {
      if (parts.length === 1) return drop(parts[0]!.call, "failed", error);
      for (const part of parts) if (!part.call.settled) await compute([part]);
    }
  };

  const runNext = async (): Promise<void> => {
    running += 1;
    await compute(nextParts());
    running -= 1;
    advance();
  };

  const mayBegin = (): boolean => running < concurrency && queue.size > 0;

  /** Begins batches as far as lane and records allow. */
  const advance = (): void => {
    isAdvancing = false;
    while (mayBegin()) {
      if (batchWaitMs > 0 && waitingRows < batchRows) {
        const [first] = queue;
        const leftMs = first!.sinceMs + batchWaitMs - performance.now();
        if (leftMs > 0) {
          filling ??= setTimeout(() => {
            filling = undefined;
            advance();
          }, leftMs);
          return;
        }
      }
      void runNext();
    }
  };

  return {
    get waiting() {
      return { rows: waitingRows, bytes: waitingBytes };
    },
    async score(records, signal, { deadlineMs } = {}) {
      if (disposed) throw closed();
      signal?.throwIfAborted();
      if (records.length === 0) return new Float32Array(0);
      const bytes = estimatedBytes(records);
      if (waitingRows + records.length > queueRows || waitingBytes + bytes > queueBytes) {
        observer.dropped({ reason: "full", rows: records.length });
        throw full({ rows: records.length, bytes }, { rows: queueRows, bytes: queueBytes });
      }
      const sinceMs = performance.now();
      if (deadlineMs !== undefined && deadlineMs <= sinceMs) {
        observer.dropped({ reason: "expired", rows: records.length });
        throw expired();
      }
      return new Promise((resolve, reject) => {
        const scores = new Float32Array(records.length);
        const onAbort = (): void => {
          const reason: unknown = signal!.reason;
          if (isTimeout(reason)) drop(call, "expired", expired(reason));
          else drop(call, "abandoned", reason);
        };
        const call: Call = {
          records,
          bytes,
          sinceMs,
          scores,
          begun: 0,
          answered: 0,
          batches: new Set(),
          settled: false,
          traced: harmlessTrace(options.trace, records.length),
          settle(error) {
            call.settled = true;
            signal?.removeEventListener("abort", onAbort);
            deadlines.remove(call);
            call.traced?.ended(error?.reason);
            if (error === undefined) resolve(scores);
            else reject(error.reason);
          },
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        if (deadlineMs !== undefined) deadlines.add(call, deadlineMs);
        enter(call);
        // After all that is at hand in this turn: calls that come together are one batch.
        if (!isAdvancing) process.nextTick(advance);
        isAdvancing = true;
      });
    },
    async dispose() {
      disposed = true;
      clearTimeout(filling);
      for (const call of queue) drop(call, "abandoned", closed());
      await lane.dispose();
    },
  };
}

function slice({ call, start, end }: Part): readonly RatingRecord[] {
  return start === 0 && end === call.records.length ? call.records : call.records.slice(start, end);
}
