import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/** What is added to the score of a key that may not be seen. */
const hidden = 1e9;

/**
 * What each query may see, as a bias on the scores: 0 or -1e9, [batch or 1, 1, group * queries, time].
 * @param queryIndex int32, the places of the queries in the sequence: [1, queries] or [batch, queries]
 * @param index int32 [time], 0 .. time - 1
 * @param visible [batch, time], 1 for real tokens; absent where there is no padding
 * @param group query heads of a key and value head
 */
export function causalBias(
  queryIndex: tf.Tensor,
  index: tf.Tensor,
  visible: tf.Tensor | undefined,
  group = 1,
): tf.Tensor {
  const [rows, queries] = queryIndex.shape as [number, number];
  const time = index.shape[0]!;
  const earlier = tf.cast(
    tf.lessEqual(tf.reshape(index, [1, 1, 1, time]), tf.reshape(queryIndex, [rows, 1, queries, 1])),
    "float32",
  );
  const seen =
    visible === undefined
      ? earlier
      : tf.mul(earlier, tf.reshape(tf.cast(visible, "float32"), [visible.shape[0]!, 1, 1, time]));
  return repeated(tf.mul(tf.sub(seen, 1), hidden), group);
}

/**
 * The bias of queries that see every real token of another sequence, which lies before theirs: 0 or -1e9, [batch, 1,
 * queries, time].
 * @param visible [batch, time], 1 for real tokens
 */
export function wholeBias(visible: tf.Tensor, queries: number): tf.Tensor {
  const [batch, time] = visible.shape as [number, number];
  const seen = tf.reshape(tf.cast(visible, "float32"), [batch, 1, 1, time]);
  return repeated(tf.mul(tf.sub(seen, 1), hidden), queries);
}

/**
 * Hides the keys that are `window` positions or more before a query: 0 or -1e9, [rows, 1, group * queries, keys].
 * @param queryPositions [rows, queries] @param keyPositions [rows or 1, keys]
 */
export function windowBias(
  queryPositions: tf.Tensor,
  keyPositions: tf.Tensor,
  window: number,
  group = 1,
): tf.Tensor {
  const [rows, queries] = queryPositions.shape as [number, number];
  const [keyRows, keys] = keyPositions.shape as [number, number];
  const distance = tf.sub(
    tf.cast(tf.reshape(queryPositions, [rows, 1, queries, 1]), "float32"),
    tf.cast(tf.reshape(keyPositions, [keyRows, 1, 1, keys]), "float32"),
  );
  return repeated(tf.mul(tf.cast(tf.greaterEqual(distance, window), "float32"), -hidden), group);
}

/** A bias for each of several queries that stand one after another. */
function repeated(bias: tf.Tensor, count: number): tf.Tensor {
  return count === 1 ? bias : tf.tile(bias, [1, 1, count, 1]);
}

/**
 * softmax(q k^T + bias) v (Vaswani et al. 2017, eq. 1; q comes scaled), with grouped key and value heads (Ainslie et
 * al. 2023): the queries of a group stand one after another along the time axis, so nothing is repeated.
 * @param q [batch, heads, queries, dim] @param k [batch, kvHeads, time, dim] @param v as k
 * @param bias on the scores, of a shape that broadcasts to [batch, kvHeads, heads / kvHeads * queries, time]
 * @returns [batch, heads, queries, dim]
 */
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const [batch, heads, queries, dim] = q.shape as [number, number, number, number];
  const kvHeads = k.shape[1]!;
  const grouped = tf.reshape(q, [batch, kvHeads, (heads / kvHeads) * queries, dim]);
  const result = differentiable([grouped, k, v, bias], (save) => {
    const weights = tf.softmax(tf.add(tf.matMul(grouped, k, false, true), bias));
    const value = tf.matMul(weights, v);
    save([grouped, k, v, weights, value]);
    return {
      value,
      gradients: (dy, saved) => {
        const [qs, ks, vs, p, o] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        // Of softmax: p (dp - sum(dp p)), and the sum is sum(dy o), which is shorter (Dao et al. 2022, eq. 4).
        const along = tf.sum(tf.mul(dy, o), -1, true);
        const ds = tf.mul(p, tf.sub(tf.matMul(dy, vs, false, true), along));
        return [tf.matMul(ds, ks), tf.matMul(ds, qs, true), tf.matMul(p, dy, true), summedTo(bias.shape, ds)];
      },
    };
  });
  return tf.reshape(result, [batch, heads, queries, dim]);
}

/** Sums over the axes along which a tensor of this shape was broadcast. */
function summedTo(shape: readonly number[], x: tf.Tensor): tf.Tensor {
  const axes = shape.flatMap((size, axis) => (size === 1 && x.shape[axis] !== 1 ? [axis] : []));
  return axes.length === 0 ? x : tf.sum(x, axes, true);
}
