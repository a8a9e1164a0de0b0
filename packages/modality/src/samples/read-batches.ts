import { CorellaError } from "@corella/errors";
import { requireBatchSize } from "../batches.ts";
import type { IdBatch } from "../features/feature-map.ts";
import { epochOrder } from "./epoch-order.ts";
import { readShard, type SampleFolder } from "./sample-folder.ts";
import type { Shard } from "./shard.ts";

/** Size and order of batches of prepared samples, and where to begin. */
export interface SampleBatchOptions {
  readonly batchSize: number;
  /** Shuffles the samples; where it is absent they keep their order. */
  readonly shuffleSeed?: number | undefined;
  /** The first epoch; every epoch has its own order. Default: 0. */
  readonly epoch?: number | undefined;
  /** So many epochs, one after the other. Default: 1. */
  readonly epochs?: number | undefined;
  /** Resume at this batch of the first epoch: from it on the batches are those of an uninterrupted run. */
  readonly startBatch?: number | undefined;
}

/**
 * Batches of prepared samples; the last one of an epoch may be shorter. In memory are one shard and one batch.
 * @throws CorellaError `data/bad-batch-size`, `data/not-scattered`, `data/damaged-samples`
 */
export async function* readBatches(
  samples: SampleFolder,
  options: SampleBatchOptions,
): AsyncGenerator<IdBatch, void, undefined> {
  const { batchSize, shuffleSeed, epoch: first = 0, epochs = 1 } = options;
  requireBatchSize(batchSize);
  if (shuffleSeed !== undefined && !samples.scattered) {
    throw new CorellaError({
      code: "data/not-scattered",
      message: "Shards that hold the samples in their order cannot be shuffled as a whole.",
      place: samples.folder,
      remedy: "Give prepareSamples a scatterSeed.",
    });
  }
  const sizes = samples.shards.map(({ size }) => size);
  const memory = new Uint8Array(Math.max(0, ...samples.shards.map(({ seal }) => seal.bytes)));
  let cached: { index: number; shard: Shard } | undefined; // one shard is read once, however many epochs
  for (let epoch = first; epoch < first + epochs; epoch++) {
    const start = epoch === first ? (options.startBatch ?? 0) * batchSize : 0;
    let batch: OpenBatch | undefined;
    let left = samples.size - start;
    const shuffle = shuffleSeed === undefined ? undefined : { seed: shuffleSeed, epoch };
    for (const { shard: index, positions } of epochOrder(sizes, shuffle, start)) {
      if (cached?.index !== index) cached = { index, shard: await readShard(samples, index, memory) };
      for (let at = 0; at < positions.length;) {
        batch ??= openBatch(samples, Math.min(batchSize, left));
        const taken = positions.subarray(at, at + batch.size - batch.filled);
        fill(batch, cached.shard, taken);
        at += taken.length;
        if (batch.filled < batch.size) continue;
        left -= batch.size;
        yield toIdBatch(samples, batch);
        batch = undefined;
      }
    }
  }
}

/** A batch that is being filled, column by column. */
interface OpenBatch {
  readonly size: number;
  filled: number;
  touched: number;
  /** Numbers as their 32 bits. */
  readonly columns: readonly Int32Array[];
  readonly labels: Float32Array;
}

function openBatch({ layout }: SampleFolder, size: number): OpenBatch {
  return {
    size,
    filled: 0,
    touched: 0,
    columns: layout.map(({ width }) => new Int32Array(size * width)),
    labels: new Float32Array(size),
  };
}

function fill(batch: OpenBatch, shard: Shard, positions: Uint32Array): void {
  for (const [index, column] of shard.columns.entries()) {
    const target = batch.columns[index]!;
    const width = target.length / batch.size;
    const at = batch.filled * width;
    // One function for each kind of array, though they read alike: code that has met several kinds is several times slower.
    if (column instanceof Uint8Array) batch.touched ^= gatherBytes(column, positions, target, at, width);
    else if (column instanceof Int16Array)
      batch.touched ^= gatherShorts(column, positions, target, at, width);
    else batch.touched ^= gatherWords(column, positions, target, at, width);
  }
  for (let i = 0; i < positions.length; i++) batch.labels[batch.filled + i] = shard.labels[positions[i]!]!;
  batch.filled += positions.length;
}

/**
 * Positions are at random, so nearly every sample waits for memory. So many are touched first, at both ends: the
 * processor fetches them all at once, and copying finds them near; twice as fast. What was touched is returned, or the
 * compiler would leave it out.
 */
const touchedAtOnce = 64;

function gatherBytes(
  from: Uint8Array,
  positions: Uint32Array,
  to: Int32Array,
  first: number,
  width: number,
): number {
  if (width === 1) {
    for (let i = 0; i < positions.length; i++) to[first + i] = from[positions[i]!]!;
    return 0;
  }
  let [touched, out] = [0, first];
  for (let begin = 0; begin < positions.length; begin += touchedAtOnce) {
    const end = Math.min(positions.length, begin + touchedAtOnce);
    for (let i = begin; i < end; i++) {
      const start = Math.imul(positions[i]!, width);
      touched ^= from[start]! ^ from[start + width - 1]!;
    }
    for (let i = begin; i < end; i++) {
      const start = Math.imul(positions[i]!, width);
      for (let at = start; at < start + width; at++) to[out++] = from[at]!;
    }
  }
  return touched;
}

function gatherShorts(
  from: Int16Array,
  positions: Uint32Array,
  to: Int32Array,
  first: number,
  width: number,
): number {
  if (width === 1) {
    for (let i = 0; i < positions.length; i++) to[first + i] = from[positions[i]!]!;
    return 0;
  }
  let [touched, out] = [0, first];
  for (let begin = 0; begin < positions.length; begin += touchedAtOnce) {
    const end = Math.min(positions.length, begin + touchedAtOnce);
    for (let i = begin; i < end; i++) {
      const start = Math.imul(positions[i]!, width);
      touched ^= from[start]! ^ from[start + width - 1]!;
    }
    for (let i = begin; i < end; i++) {
      const start = Math.imul(positions[i]!, width);
      for (let at = start; at < start + width; at++) to[out++] = from[at]!;
    }
  }
  return touched;
}

function gatherWords(
  from: Int32Array,
  positions: Uint32Array,
  to: Int32Array,
  first: number,
  width: number,
): number {
  if (width === 1) {
    for (let i = 0; i < positions.length; i++) to[first + i] = from[positions[i]!]!;
    return 0;
  }
  let [touched, out] = [0, first];
  for (let begin = 0; begin < positions.length; begin += touchedAtOnce) {
    const end = Math.min(positions.length, begin + touchedAtOnce);
    for (let i = begin; i < end; i++) {
      const start = Math.imul(positions[i]!, width);
      touched ^= from[start]! ^ from[start + width - 1]!;
    }
    for (let i = begin; i < end; i++) {
      const start = Math.imul(positions[i]!, width);
      for (let at = start; at < start + width; at++) to[out++] = from[at]!;
    }
  }
  return touched;
}

const none = new Int32Array(0);

function toIdBatch({ features: names, layout }: SampleFolder, { size, columns, labels }: OpenBatch): IdBatch {
  const features: IdBatch["features"] = {};
  for (const name of names) features[name] = none; // their order is the feature map's
  for (const [index, { name, dtype, features: together }] of layout.entries()) {
    const column = columns[index]!;
    const values = dtype === "F32" ? new Float32Array(column.buffer) : column;
    if (together === undefined) features[name] = values;
    else
      for (const [at, one] of together.entries()) {
        const numbers = new Float32Array(size);
        for (let i = 0, from = at; i < size; i++, from += together.length) numbers[i] = values[from]!;
        features[one] = numbers;
      }
  }
  return { size, features, labels };
}
