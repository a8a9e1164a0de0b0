import { createGenerator, permutation } from "@corella/random";

/** Batches of samples of similar length in a random order: little padding, and still a fresh mixture in every epoch. */
export interface BatchPlan {
  readonly steps: number;
  /** Sample positions of a step, counted from 0. */
  at(step: number): Uint32Array;
}

/** Batches among which samples are sorted by length. */
const windowBatches = 16;

/**
 * @param lengths tokens of each sample
 * @param batchSize samples of a batch at most; what is larger alone has a batch of its own
 * @param epochs that `steps` counts; the plan goes on after them
 * @param sizes how many samples each one stands for; default: 1
 */
export function lengthBucketedPlan(
  lengths: ArrayLike<number>,
  batchSize: number,
  epochs: number,
  seed: number,
  purpose: string,
  sizes?: ArrayLike<number>,
): BatchPlan {
  /** First step of each epoch, and of the one after those that were planned. */
  const starts = [0];
  let planned: { epoch: number; batches: Uint32Array[] } | undefined;
  const planOf = (epoch: number): Uint32Array[] => {
    if (planned?.epoch !== epoch)
      planned = { epoch, batches: planEpoch(lengths, sizes, batchSize, seed, purpose, epoch) };
    starts[epoch + 1] = starts[epoch]! + planned.batches.length;
    return planned.batches;
  };
  for (let epoch = 0; epoch < epochs; epoch++) planOf(epoch);
  return {
    steps: starts.at(-1)!,
    at(step) {
      while (starts.at(-1)! <= step) planOf(starts.length - 1);
      const epoch = starts.findLastIndex((start) => start <= step);
      return planOf(epoch)[step - starts[epoch]!]!;
    },
  };
}

function planEpoch(
  lengths: ArrayLike<number>,
  sizes: ArrayLike<number> | undefined,
  batchSize: number,
  seed: number,
  purpose: string,
  epoch: number,
): Uint32Array[] {
  const generator = createGenerator(seed, `batches/${purpose}`, epoch);
  const order = permutation(lengths.length, generator);
  const size = (position: number): number => sizes?.[position] ?? 1;
  const batches: Uint32Array[] = [];
  for (let start = 0, end = 0; start < order.length; start = end) {
    for (let samples = 0; end < order.length && samples < batchSize * windowBatches; end++)
      samples += size(order[end]!);
    const window = order.slice(start, end);
    window.sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    let first = 0;
    let samples = 0;
    for (const [i, position] of window.entries()) {
      if (i > first && samples + size(position) > batchSize) {
        batches.push(window.slice(first, i));
        first = i;
        samples = 0;
      }
      samples += size(position);
    }
    batches.push(window.slice(first));
  }
  const mixed = permutation(batches.length, generator);
  return Array.from(mixed, (position) => batches[position]!);
}
