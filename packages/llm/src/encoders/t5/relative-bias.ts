import { tf } from "@corella/engine";
import type { T5Config } from "./config.ts";

type Buckets = Pick<T5Config, "relativeBuckets" | "relativeMaxDistance">;

/**
 * The least distance of each bucket but the first: single distances up to half the buckets, then logarithmic ones up to
 * the greatest distance (Raffel et al. 2020, section 2.1; T5's code). Comparing integers with these instead of taking
 * logarithms in the graph leaves no rounding to chance.
 */
export function bucketStarts(buckets: number, maxDistance: number): number[] {
  const exact = Math.floor(buckets / 2);
  const bucketOf = (distance: number): number => {
    if (distance < exact) return distance;
    const large = (Math.log(distance / exact) / Math.log(maxDistance / exact)) * (buckets - exact);
    // 1e-9: a logarithm that should be whole may come out just below.
    return Math.min(exact + Math.floor(large + 1e-9), buckets - 1);
  };
  const starts: number[] = [];
  for (let distance = 1; starts.length < buckets - 1; distance++)
    while (starts.length < bucketOf(distance)) starts.push(distance);
  return starts;
}

/** The bucket of one distance, memory minus query, by the definition; for tests and tables. */
export function relativeBucket(distance: number, config: Buckets, bidirectional: boolean): number {
  const half = bidirectional ? Math.floor(config.relativeBuckets / 2) : config.relativeBuckets;
  const starts = bucketStarts(half, config.relativeMaxDistance);
  const length = bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
  const bucket = starts.filter((start) => length >= start).length;
  return bidirectional && distance > 0 ? bucket + half : bucket;
}

/**
 * The learned bias on attention scores by the distance of memory and query.
 * @param table [buckets, heads] @param index int32 [time] @returns [1, heads, time, time]
 */
export function relativeBias(
  table: tf.Tensor,
  index: tf.Tensor,
  config: Buckets,
  bidirectional: boolean,
): tf.Tensor {
  const time = index.shape[0]!;
  const [buckets, heads] = table.shape as [number, number];
  const distance = tf.sub(tf.reshape(index, [1, time]), tf.reshape(index, [time, 1]));
  const zero = tf.zerosLike(distance);
  const length = bidirectional ? tf.maximum(distance, tf.neg(distance)) : tf.maximum(tf.neg(distance), zero);
  const half = bidirectional ? Math.floor(buckets / 2) : buckets;
  const starts = bucketStarts(half, config.relativeMaxDistance);
  const passed = tf.greaterEqual(
    tf.reshape(length, [time * time, 1]),
    tf.tensor2d(starts, [1, starts.length], "int32"),
  );
  let bucket = tf.sum(tf.cast(passed, "int32"), 1);
  if (bidirectional) {
    const after = tf.cast(tf.greater(tf.reshape(distance, [time * time]), tf.scalar(0, "int32")), "int32");
    bucket = tf.add(bucket, tf.mul(after, tf.scalar(half, "int32")));
  }
  // A product with one-hot rows, whose gradient is a product too.
  const chosen = tf.oneHot(tf.cast(bucket, "int32") as tf.Tensor1D, buckets, 1, 0, "float32");
  const bias = tf.reshape(tf.matMul(chosen, table), [1, time, time, heads]);
  return tf.transpose(bias, [0, 3, 1, 2]);
}
