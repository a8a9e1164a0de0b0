import { CorellaError } from "@corella/errors";
import { createGenerator, shuffle } from "@corella/random";

/** The order of rows, and where to begin. */
export interface BatchOptions {
  /** Shuffles the rows; where it is absent they keep their order. */
  shuffleSeed?: number | undefined;
  /** Every epoch has its own order. */
  epoch?: number | undefined;
  /** Resume here: the batches are those of an uninterrupted run from this one on. */
  startBatch?: number | undefined;
}

/** The rows in the order of an epoch: an exact, seeded shuffle; 4 bytes a row. */
export function shuffledRows(rows: ArrayLike<number>, shuffleSeed: number, epoch: number = 0): Uint32Array {
  const ordered = Uint32Array.from(rows);
  shuffle(ordered, createGenerator(shuffleSeed, "epoch", epoch));
  return ordered;
}

/**
 * Batches of rows; the last one may be shorter.
 * @throws CorellaError `data/bad-batch-size`
 */
export function* batches(
  rows: ArrayLike<number>,
  batchSize: number,
  options: BatchOptions = {},
): Generator<Uint32Array, void, undefined> {
  requireBatchSize(batchSize);
  const { shuffleSeed, epoch = 0, startBatch = 0 } = options;
  const ordered = shuffleSeed === undefined ? Uint32Array.from(rows) : shuffledRows(rows, shuffleSeed, epoch);
  for (let start = startBatch * batchSize; start < ordered.length; start += batchSize) {
    yield ordered.subarray(start, start + batchSize);
  }
}

/**
 * Refuses a batch size that is no positive integer.
 * @throws CorellaError `data/bad-batch-size`
 */
export function requireBatchSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize >= 1) return;
  throw new CorellaError({
    code: "data/bad-batch-size",
    message: `The batch size ${batchSize} is not a positive integer.`,
    remedy: "Give a batch size of at least 1.",
  });
}
