import { CorellaError } from "@corella/errors";
import type { Batch } from "../program/program.ts";
import type { Inference, Trainer } from "./runtime.ts";

/** The life of something that runs: its runs take turns, and after its end there are none. */
interface Turns {
  /** Waits for the runs before, which may fail. */
  take<Result>(action: () => Promise<Result>): Promise<Result>;
  /** Waits for all runs, then releases. */
  end(release: () => Promise<void>): Promise<void>;
  /** Throws when a run has not ended, or after the end. */
  requireIdle(action: string): void;
}

function createTurns(subject: string): Turns {
  let last: Promise<unknown> = Promise.resolve();
  let running = 0;
  let ended = false;
  const requireAlive = (): void => {
    if (!ended) return;
    throw new CorellaError({
      code: "engine/disposed",
      message: `The ${subject} has been disposed.`,
      remedy: "Dispose it once, after its last run.",
    });
  };
  return {
    async take(action) {
      requireAlive();
      running += 1;
      const result = last.then(action);
      last = result.catch(() => {});
      try {
        return await result;
      } finally {
        running -= 1;
      }
    },
    async end(release) {
      requireAlive();
      ended = true;
      await last;
      await release();
    },
    requireIdle(action) {
      requireAlive();
      if (running === 0) return;
      throw new CorellaError({
        code: "engine/busy",
        message: `The ${subject} cannot ${action} while a step is running.`,
        remedy: "Await the step first.",
      });
    },
  };
}

/** `Inference` and `GradientRun`. */
type Repeatable<Result> = Pick<Inference, "exportOnnx" | "dispose"> & {
  run(batch: Batch): Promise<Result>;
};

/** An inference or gradient run whose runs take turns. */
export function inTurns<Result>(runnable: Repeatable<Result>, subject: string): Repeatable<Result> {
  const turns = createTurns(subject);
  return {
    run: (batch) => turns.take(() => runnable.run(batch)),
    exportOnnx: (path, options) => turns.take(() => runnable.exportOnnx(path, options)),
    dispose: () => turns.end(() => runnable.dispose()),
  };
}

/** A trainer whose steps take turns: one that is called before the last has ended changes nothing but its start. */
export function trainerInTurns(trainer: Trainer): Trainer {
  const turns = createTurns("trainer");
  return {
    ...trainer,
    step: (batch, options) => turns.take(() => trainer.step(batch, options)),
    exportOnnx: (path, options) => turns.take(() => trainer.exportOnnx(path, options)),
    restore(state) {
      turns.requireIdle("restore");
      trainer.restore(state);
    },
    dispose: () => turns.end(() => trainer.dispose()),
  };
}
