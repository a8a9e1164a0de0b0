import { createHash } from "node:crypto";
import { Queue, QueueEvents } from "bullmq";
import { interrupted, unitFailed } from "./unit-processes.ts";
import { connectRedis } from "./redis.ts";
import type { Engine, Unit } from "./unit.ts";

/** Events are answered at once; what was lost with a server is found by looking so often. */
const lookEveryMs = 2000;

/** Finished jobs are kept for an hour, for whoever looks at the queue. */
const kept = { age: 3600 };

/** The queue that is used if none is named. */
export const defaultQueue = "corella";

/** How units are put on a queue. */
export interface BullmqOptions {
  /** redis://host:port/db, rediss:// or redis:///path/of/a.sock */
  readonly url: string;
  /** Default `corella`. */
  readonly queue?: string | undefined;
  /** Units at once over all workers; default: as many as the workers that listen have together. */
  readonly slots?: number | undefined;
  /** Attempts of a unit whose process died; default 3. Deaths of whole workers are counted apart, see `work`. */
  readonly attempts?: number | undefined;
  /** Before the second attempt, twice as much before each further one; default 1,000 ms. */
  readonly retryDelayMs?: number | undefined;
  /** Called when units wait and no worker listens, and again if that comes back. */
  readonly onNoWorker?: (() => void) | undefined;
}

interface Waiter {
  readonly unit: Unit;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Puts units on a BullMQ queue of a Redis or Valkey server, where `work` takes them. The same unit, asked for by a caller that was
 * started again, is not put there twice. A server that is gone is waited for, and units that it lost are put there again. Units that
 * a worker has begun when `run` is interrupted go on there.
 * @throws CorellaError those of `connectRedis`
 */
export async function bullmq(options: BullmqOptions): Promise<Engine> {
  const { url, queue: name = defaultQueue, attempts = 3, retryDelayMs = 1000 } = options;
  const client = await connectRedis(url);
  const queue = new Queue<Unit>(name, { connection: client });
  const events = new QueueEvents(name, { connection: client });
  const waiters = new Map<string, Waiter[]>();
  let listening = 1;
  let told = false;
  // Both look for the server again by themselves.
  queue.on("error", () => {});
  events.on("error", () => {});

  async function place(id: string, unit: Unit): Promise<void> {
    const before = await queue.getJob(id);
    const state = await before?.getState();
    // What an earlier caller saw end may be gone since; a unit that has its result ends soon.
    if (state === "completed" || state === "failed") await before!.remove().catch(() => {});
    await queue.add(unit.command.slice(0, 2).join(" "), unit, {
      jobId: id,
      attempts,
      backoff: { type: "exponential", delay: retryDelayMs },
      removeOnComplete: kept,
      removeOnFail: kept,
    });
  }

  /** Settles who waits for a job that has ended, and puts one that was lost on the queue again. */
  async function look(id: string): Promise<void> {
    const unit = waiters.get(id)?.[0]?.unit;
    if (unit === undefined) return;
    const job = await queue.getJob(id);
    if (job === undefined || job === null) return void (await place(id, unit));
    const state = await job.getState();
    if (state === "completed") settle(id, (waiter) => waiter.resolve());
    if (state !== "failed") return;
    // Read again, for it may have failed since; the reason is BullMQ's own where, for example, a job stalled too often.
    const { failedReason = "Nobody knows why." } = (await queue.getJob(id)) ?? {};
    settle(id, (waiter) => waiter.reject(unitFailed(unit.id, failedReason)));
  }

  function settle(id: string, how: (waiter: Waiter) => void): void {
    const settled = waiters.get(id) ?? [];
    waiters.delete(id);
    for (const waiter of settled) how(waiter);
  }

  /** A unit that nobody waits for leaves the queue; one that runs is locked, and stays. */
  function leave(id: string, waiter: Waiter): void {
    const others = (waiters.get(id) ?? []).filter((other) => other !== waiter);
    if (others.length > 0) waiters.set(id, others);
    else {
      waiters.delete(id);
      void queue.remove(id).catch(() => {});
    }
    waiter.reject(interrupted(waiter.unit));
  }

  const lookQuietly = (id: string): void => void look(id).catch(() => {});
  events.on("completed", ({ jobId }) => lookQuietly(jobId));
  events.on("failed", ({ jobId }) => lookQuietly(jobId));

  async function lookAtAll(): Promise<void> {
    listening = (await queue.getWorkers()).reduce((sum, worker) => sum + slotsOf(worker["rawname"] ?? ""), 0);
    const deserted = listening === 0 && waiters.size > 0;
    if (deserted && !told) options.onNoWorker?.();
    told = deserted;
    for (const id of waiters.keys()) await look(id);
  }
  let looking = lookAtAll().catch(() => {});
  const timer = setInterval(() => {
    looking = looking.then(lookAtAll).catch(() => {});
  }, lookEveryMs);

  return {
    get slots() {
      return options.slots ?? Math.max(1, listening);
    },
    async run(unit, { signal } = {}) {
      if (signal?.aborted === true) throw interrupted(unit);
      const id = idOf(unit);
      // Waited for only once it is placed: what ended before must not be taken for its end.
      if (!waiters.has(id)) await place(id, unit);
      let onAbort: (() => void) | undefined;
      try {
        await new Promise<void>((resolve, reject) => {
          const waiter: Waiter = { unit, resolve, reject };
          waiters.set(id, [...(waiters.get(id) ?? []), waiter]);
          onAbort = () => leave(id, waiter);
          if (isAborted(signal)) onAbort();
          signal?.addEventListener("abort", onAbort);
          lookQuietly(id);
        });
      } finally {
        if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
      }
    },
    async close() {
      clearInterval(timer);
      for (const [id, [{ unit }]] of waiters as Map<string, [Waiter]>)
        settle(id, (waiter) => waiter.reject(interrupted(unit)));
      await Promise.all([events.close(), queue.close()]).catch(() => {});
      client.disconnect();
    },
  };
}

/** A name that BullMQ takes: without colons, and no number. */
function idOf({ id, command }: Unit): string {
  return `unit-${createHash("sha256")
    .update(JSON.stringify([id, command]))
    .digest("hex")
    .slice(0, 32)}`;
}

/** A call, for the compiler takes a signal that was looked at to stay as it was. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** The name under which a worker is known to the server, so that engines can count. */
export function workerName(slots: number): string {
  return `slots-${slots}`;
}

function slotsOf(clientName: string): number {
  return Number(/:w:slots-(\d+)$/.exec(clientName)?.[1] ?? 0);
}
