import { tf } from "@corella/engine";
import type { Queries } from "./block.ts";
import { scoreScale, type AttentionConfig } from "./layer-attention.ts";
import { attention, causalBias, windowBias } from "../operations/attention.ts";
import { rotate, rotationAt, scaled } from "../operations/rope.ts";
import { rowAt } from "../operations/select.ts";

/** Sequences padded to a common length, one a row: tokens are [batch * time, dim]. */
export interface Sequences {
  readonly batch: number;
  readonly time: number;
  /** int32 [batch or 1, time] */
  readonly positions: tf.Tensor;
  /** int32 [time], 0 .. time - 1 */
  readonly index: tf.Tensor;
  /** [batch, time], 1 for real tokens; absent where there is no padding */
  readonly visible?: tf.Tensor;
}

/** The queries of every position of padded sequences, each seeing those before it. */
export function allPositions(config: AttentionConfig, sequences: Sequences): Queries {
  const { index, time, positions } = sequences;
  return { pick: (x) => x, attend: attendFrom(config, sequences, positions, tf.reshape(index, [1, time])) };
}

/**
 * The query of one position of each padded sequence, which sees those before it.
 * @param place int32 [batch]
 */
export function onePosition(config: AttentionConfig, sequences: Sequences, place: tf.Tensor): Queries {
  const { batch, time, index, positions } = sequences;
  const column = tf.reshape(place, [batch, 1]);
  return {
    pick: (x) => rowAt(tf.reshape(x, [batch, time, x.shape[1]!]), place, index),
    attend: attendFrom(config, sequences, tf.gather(positions, column, 1, 1), column),
  };
}

/**
 * @param positions of the queries, int32 [batch or 1, queries]
 * @param places of the queries in their sequences, int32 [batch or 1, queries]
 */
function attendFrom(
  config: AttentionConfig,
  sequences: Sequences,
  positions: tf.Tensor,
  places: tf.Tensor,
): Queries["attend"] {
  const { batch, time, index, visible } = sequences;
  const { heads, keyValueHeads, headDim, window } = config;
  const group = heads / keyValueHeads;
  const queries = places.shape[1]!;
  const keyRotation = rotationAt(sequences.positions, config);
  const queryRotation = scaled(
    positions === sequences.positions ? keyRotation : rotationAt(positions, config, sequences.positions),
    scoreScale(config),
  );
  const causal = causalBias(places, index, visible, group);
  const bias =
    window === undefined
      ? causal
      : tf.add(causal, windowBias(places, tf.reshape(index, [1, time]), window, group));
  /** [batch * length, count * headDim] -> [batch, count, length, headDim] */
  const split = (x: tf.Tensor, length: number, count: number): tf.Tensor =>
    tf.transpose(tf.reshape(x, [batch, length, count, headDim]), [0, 2, 1, 3]);
  return (q, k, v) => {
    const seen = attention(
      rotate(split(q, queries, heads), queryRotation),
      rotate(split(k, time, keyValueHeads), keyRotation),
      split(v, time, keyValueHeads),
      bias,
    );
    return tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), [batch * queries, heads * headDim]);
  };
}
