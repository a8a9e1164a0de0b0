import type { Lane } from "@corella/bundle";
import type { RatingRecord } from "@corella/modality";
import type { LaneObserver } from "./lane-observer.ts";

/** A record whose item says what a lane of these tests answers. */
export function record(item: string | number): RatingRecord {
  return { user: null, item: String(item), history: [] };
}

/** What a lane of these tests answers to an item that is a number. */
export const answerOf: (item: string) => number = (item) => Math.fround(1 / (1 + Number(item)));

/** A batch that waits for the test to answer it. */
export interface Asked {
  readonly items: readonly string[];
  readonly signal: AbortSignal | undefined;
  answer(): void;
  fail(error: unknown): void;
}

/** A lane that answers when the test says so. */
export function manualLane(): Lane & { readonly asked: Asked[] } {
  const asked: Asked[] = [];
  return {
    asked,
    score: (records, signal) =>
      new Promise((resolve, reject) => {
        const items = records.map(({ item }) => item);
        signal?.addEventListener("abort", () => reject(signal.reason));
        asked.push({
          items,
          signal,
          answer: () => resolve(Float32Array.from(items, answerOf)),
          fail: reject,
        });
      }),
    dispose: async () => {},
  };
}

/** What an observer was told. */
export interface Told extends LaneObserver {
  readonly batches: Parameters<LaneObserver["batch"]>[0][];
  readonly drops: [reason: string, rows: number][];
}

/** An observer that notes what it is told. */
export function noting(): Told {
  const batches: Told["batches"] = [];
  const drops: Told["drops"] = [];
  return {
    batches,
    drops,
    batch: (event) => void batches.push(event),
    dropped: ({ reason, rows }) => void drops.push([reason, rows]),
  };
}
