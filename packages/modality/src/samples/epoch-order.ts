import { createGenerator, shuffle as shuffleInPlace, type Generator as RandomNumbers } from "@corella/random";

/** A shard in the order of an epoch. */
export interface ShardVisit {
  readonly shard: number;
  /** Positions in the shard, in the order of the epoch, without those before the start. */
  readonly positions: Uint32Array;
}

/**
 * The shards of an epoch and the order of the samples in each, from the `start`-th sample of the epoch on. Shards come in
 * a seeded order, and Fisher-Yates orders the samples of each; without a seed nothing moves. Since samples were scattered
 * over the shards at random, every order of all samples is equally likely, with one shard in memory.
 *
 * One generator draws for all shards in turn. A start within an epoch draws what the shards before it would have drawn,
 * some 10 ns a sample, and reads none of them.
 */
export function* epochOrder(
  shardSizes: readonly number[],
  shuffle: { readonly seed: number; readonly epoch: number } | undefined,
  start: number,
): Generator<ShardVisit, void, undefined> {
  const random = shuffle === undefined ? undefined : createGenerator(shuffle.seed, "epoch", shuffle.epoch);
  const order = identity(shardSizes.length);
  if (random !== undefined) shuffleInPlace(order, random);
  let before = 0;
  for (const shard of order) {
    const size = shardSizes[shard]!;
    if (before + size <= start) {
      if (random !== undefined) drawShuffle(size, random);
    } else {
      const positions = identity(size);
      if (random !== undefined) shuffleInPlace(positions, random);
      yield { shard, positions: positions.subarray(Math.max(0, start - before)) };
    }
    before += size;
  }
}

function identity(size: number): Uint32Array {
  const values = new Uint32Array(size);
  for (let i = 0; i < size; i++) values[i] = i;
  return values;
}

/** Draws as a shuffle of so many values does. */
function drawShuffle(size: number, random: RandomNumbers): void {
  for (let i = size - 1; i > 0; i--) random.integer(i + 1);
}
