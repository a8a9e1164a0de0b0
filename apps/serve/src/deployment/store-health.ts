import { CorellaError, formatError } from "@corella/errors";

/** Whether a store of events answers, so that nobody waits for one that does not. */
export interface StoreHealth {
  /**
   * What the store says; undefined while it does not answer. After it has failed, one caller a second asks it again and the
   * others do without, until it answers.
   * @throws whatever is not the store's failure
   */
  ask<T>(question: () => Promise<T>): Promise<T | undefined>;
}

/** How patient one is with a store, in milliseconds. */
export interface StorePatience {
  /** Wait for an answer. Default 1,000. */
  readonly answerMs?: number | undefined;
  /** Between a failure and the next question. Default 1,000. */
  readonly retryMs?: number | undefined;
  /** Between two lines of the log that say that it does not answer. Default a minute. */
  readonly tellMs?: number | undefined;
}

const late = Symbol("late");

/** Watches a store of events. @param log takes a line when it stops answering, at most one a minute however often, and when it does again */
export function createStoreHealth(
  log: (line: string) => void,
  { answerMs = 1000, retryMs = 1000, tellMs = 60_000 }: StorePatience = {},
): StoreHealth {
  /** When it is asked again; undefined while it answers. */
  let askAgainMs: number | undefined;
  let toldMs = Number.NEGATIVE_INFINITY;
  /** Whether whoever reads the log takes it for down. */
  let isTold = false;
  const failed = (reason: string): undefined => {
    const now = performance.now();
    askAgainMs = now + retryMs;
    if (now - toldMs < tellMs) return;
    toldMs = now;
    isTold = true;
    log(`the store of events does not answer, scores do without what came since the bundle's log: ${reason}`);
  };
  return {
    async ask(question) {
      if (askAgainMs !== undefined) {
        if (performance.now() < askAgainMs) return undefined;
        askAgainMs = performance.now() + answerMs + retryMs; // the others go on without
      }
      const answer = question();
      answer.catch(() => {}); // of one that comes too late nobody hears
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<typeof late>((resolve) => {
        timer = setTimeout(resolve, answerMs, late);
      });
      try {
        const first = await Promise.race([answer, patience]);
        if (first === late) return failed(`not within ${answerMs} ms`);
        if (askAgainMs !== undefined) {
          askAgainMs = undefined;
          if (isTold) log("the store of events answers again");
          isTold = false;
        }
        return first;
      } catch (error) {
        if (isFailure(error)) return failed(formatError(error));
        // The store has answered: the question was wrong.
        askAgainMs = undefined;
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Whether an error is the store's, and no mistake of whoever asks or has opened it. */
function isFailure(error: unknown): boolean {
  return (
    CorellaError.isInstance(error) &&
    error.code.startsWith("store/") &&
    error.code !== "store/bad-event" &&
    error.code !== "store/long-history"
  );
}
