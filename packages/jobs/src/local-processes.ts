import { setTimeout as delay } from "node:timers/promises";
import type { Engine, Programs, Unit } from "./unit.ts";
import { interrupted, unitFailed, unitProcesses } from "./unit-processes.ts";

/** How units run on this machine. */
export interface LocalOptions {
  /** Processes at once. */
  readonly slots: number;
  readonly programs: Programs;
  /** Attempts of a unit whose process died; default 3. */
  readonly attempts?: number;
  /** Before the second attempt, twice as much before each further one; default 1,000 ms. */
  readonly retryDelayMs?: number;
}

/**
 * Runs units in child processes of this one, `slots` at once, in the order in which they were asked for.
 * @example
 * ```ts
 * import { localProcesses } from "@corella/jobs";
 *
 * const programs = { greet: ["--eval", "process.exitCode = process.argv[1] === 'ann' ? 0 : 1", "--"] };
 * const engine = localProcesses({ slots: 2, programs });
 * await engine.run({ id: "first", command: ["greet", "ann"] });
 * const told = await engine.run({ id: "second", command: ["greet", "bob"] }).catch((error) => error.code);
 * console.log(told); // jobs/unit-failed
 * await engine.close();
 * ```
 */
export function localProcesses(options: LocalOptions): Engine {
  const { slots, programs, attempts = 3, retryDelayMs = 1000 } = options;
  const processes = unitProcesses(programs);
  const closing = new AbortController();
  const waiting: (() => void)[] = [];
  const running = new Set<Promise<void>>();
  let free = slots;

  async function runHere(unit: Unit, signal: AbortSignal): Promise<void> {
    for (let made = 1; ; made++) {
      const outcome = await processes.attempt(unit, signal);
      if (outcome.kind === "done") return;
      if (outcome.kind === "failed" || made >= attempts) throw unitFailed(unit.id, outcome.text);
      await delay(retryDelayMs * 2 ** (made - 1), undefined, { signal }).catch(() => {
        throw interrupted(unit);
      });
    }
  }

  async function inSlot(unit: Unit, signal: AbortSignal): Promise<void> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      await runHere(unit, signal);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  }

  return {
    slots,
    run(unit, { signal } = {}) {
      const ends = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
      const result = inSlot(unit, ends);
      running.add(result);
      const forget = (): void => void running.delete(result);
      result.then(forget, forget);
      return result;
    },
    async close() {
      closing.abort();
      await Promise.allSettled(running);
      processes.close();
    },
  };
}
