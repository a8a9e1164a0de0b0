import { createGenerator, permutation } from "@corella/random";

/** Batches of samples of similar length in a random order: little padding, and still a fresh mixture in every epoch. */
export interface BatchPlan {
  readonly steps: number;
  /** Sample positions of a step, counted from 0. */
  at(step: number): Uint32Array;
}

/** Batches among which samples are sorted by length. */
const windowBatches = 16;

/** @param lengths tokens of each sample */
export function lengthBucketedPlan(
  lengths: ArrayLike<number>,
  batchSize: number,
  epochs: number,
  seed: number,
  purpose: string,
): BatchPlan {
  const perEpoch = Math.ceil(lengths.length / batchSize);
  let planned: { epoch: number; batches: Uint32Array[] } | undefined;
  return {
    steps: perEpoch * epochs,
    at(step) {
      const epoch = Math.floor(step / perEpoch);
      if (planned?.epoch !== epoch)
        planned = { epoch, batches: planEpoch(lengths, batchSize, seed, purpose, epoch) };
      return planned.batches[step % perEpoch]!;
    },
  };
}

function planEpoch(
  lengths: ArrayLike<number>,
  batchSize: number,
  seed: number,
  purpose: string,
  epoch: number,
): Uint32Array[] {
  const generator = createGenerator(seed, `batches/${purpose}`, epoch);
  const order = permutation(lengths.length, generator);
  const batches: Uint32Array[] = [];
  for (let start = 0; start < order.length; start += batchSize * windowBatches) {
    const window = order.slice(start, start + batchSize * windowBatches);
    window.sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    for (let i = 0; i < window.length; i += batchSize) batches.push(window.slice(i, i + batchSize));
  }
  const mixed = permutation(batches.length, generator);
  return Array.from(mixed, (position) => batches[position]!);
}
