import { UnrecoverableError, WaitingError, Worker } from "bullmq";
import { CorellaError } from "@corella/errors";
import { defaultQueue, workerName } from "./bullmq.ts";
import { connectRedis } from "./redis.ts";
import type { Programs, Unit } from "./unit.ts";
import { unitProcesses } from "./unit-processes.ts";

/** What a worker does, for its log. */
export interface WorkListener {
  started?(unit: Unit): void;
  /** @param text why it did not succeed; undefined if it did */
  ended?(unit: Unit, seconds: number, text: string | undefined): void;
  /** The server is gone or refuses; the worker looks for it again. */
  error?(error: Error): void;
}

/** How a worker takes units from a queue. */
export interface WorkOptions {
  /** As of `bullmq`. */
  readonly url: string;
  /** Default `corella`. */
  readonly queue?: string | undefined;
  /** Units at once. */
  readonly slots: number;
  readonly programs: Programs;
  /** Ends the worker: units that run here are ended and go back to the queue. */
  readonly signal: AbortSignal;
  readonly listener?: WorkListener;
  /** A worker that was silent for so long counts as dead, and its units go to others; default 30,000 ms. */
  readonly lockMs?: number;
  /** How often a unit may lose its worker before it counts as failed; default 20. */
  readonly lostWorkers?: number;
}

/**
 * Takes units from a BullMQ queue and runs them in child processes until the signal comes: there they cannot keep
 * this one from renewing its claim on them. Only programs of the list are run, whatever stands in the queue.
 * @throws CorellaError those of `connectRedis`
 */
export async function work(options: WorkOptions): Promise<void> {
  const { url, queue = defaultQueue, slots, programs, signal, listener, lockMs = 30_000 } = options;
  const client = await connectRedis(url);
  const processes = unitProcesses(programs);
  const worker = new Worker<Unit>(
    queue,
    // BullMQ gives a signal to functions of three parameters.
    async (job, token, lost) => {
      const unit = parseUnit(job.data);
      const begun = performance.now();
      const ended = (text?: string): void =>
        listener?.ended?.(unit, (performance.now() - begun) / 1000, text);
      listener?.started?.(unit);
      let outcome;
      try {
        outcome = await processes.attempt(unit, AbortSignal.any([signal, lost!]));
      } catch (error) {
        ended((error as Error).message);
        if (signal.aborted) {
          await job.moveToWait(token);
          throw new WaitingError();
        }
        throw lost!.aborted ? error : new UnrecoverableError((error as Error).message);
      }
      if (outcome.kind === "done") return ended();
      ended(outcome.text);
      throw outcome.kind === "again" ? new Error(outcome.text) : new UnrecoverableError(outcome.text);
    },
    {
      connection: client,
      name: workerName(slots),
      concurrency: slots,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: options.lostWorkers ?? 20,
      // The first seconds after a server's return should not pass idle.
      runRetryDelay: 1000,
    },
  );
  worker.on("error", (error) => listener?.error?.(error));
  // Another worker has them, or will.
  worker.on("lockRenewalFailed", (jobIds) => {
    for (const id of jobIds) worker.cancelJob(id);
  });
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  await worker.close();
  processes.close();
  client.disconnect();
}

/** @throws UnrecoverableError for what no engine of ours put there */
function parseUnit(data: unknown): Unit {
  const { id, command } = (data ?? {}) as Partial<Record<string, unknown>>;
  const isText = (value: unknown): value is string => typeof value === "string";
  if (isText(id) && Array.isArray(command) && command.length > 0 && command.every(isText))
    return { id, command };
  const { message } = new CorellaError({
    code: "jobs/no-unit",
    message: "This job of the queue is no unit of work.",
    remedy: "Give other programs a queue of their own.",
  });
  throw new UnrecoverableError(message);
}
