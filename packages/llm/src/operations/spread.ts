import { tf } from "@corella/engine";
import { differentiable } from "./differentiable.ts";

/**
 * Where the heads of packed tokens go in padded sequences, and back. Padded are the prefixes [prefixes, heads,
 * prefixTime, dim], then the sequences [batch, heads, time, dim]; as rows of `dim` elements they stand one after another.
 */
export interface HeadPlaces {
  readonly heads: number;
  /** Which head of which token each padded row holds: int32 [padded * heads]. Filling holds token 0. */
  readonly sources: tf.Tensor;
  /** 0 for filling: float32 [padded * heads, 1]. */
  readonly real: tf.Tensor;
  /** The padded row of each head of each token: int32 [tokens, heads]. */
  readonly targets: tf.Tensor;
}

/**
 * The places of heads for `spreadHeads` and `collectHeads`, from the places of tokens.
 * @param prefixPlaces int32 [prefixes, prefixTime], tokens by their place among all; -1 fills
 * @param places int32 [batch, time], likewise
 * @param spread int32 [tokens, 3]: where the token's padded sequence starts if a position is one row, the length of
 * that sequence with filling, and the token's place in it
 */
export function headPlaces(
  prefixPlaces: tf.Tensor,
  places: tf.Tensor,
  spread: tf.Tensor,
  heads: number,
): HeadPlaces {
  const numbers = Array.from({ length: heads }, (_, head) => head);
  const eachHead = tf.tensor(numbers, [1, heads, 1], "int32");
  const headCount = tf.scalar(heads, "int32");
  const flat = (x: tf.Tensor): tf.Tensor => {
    const [rows, length] = x.shape as [number, number];
    const byHead = tf.mul(tf.reshape(tf.relu(x), [rows, 1, length]), headCount);
    return tf.reshape(tf.add(byHead, eachHead), [-1]);
  };
  const mask = (x: tf.Tensor): tf.Tensor => {
    const [rows, length] = x.shape as [number, number];
    const real = tf.reshape(tf.cast(tf.greaterEqual(x, 0), "float32"), [rows, 1, length]);
    return tf.reshape(tf.tile(real, [1, heads, 1]), [-1, 1]);
  };
  const [start, length, place] = tf.split(spread, 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const inSequence = tf.add(tf.mul(length, tf.tensor(numbers, [1, heads], "int32")), place);
  return {
    heads,
    sources: tf.concat([flat(prefixPlaces), flat(places)]),
    real: tf.concat([mask(prefixPlaces), mask(places)]),
    targets: tf.add(tf.mul(start, headCount), inSequence),
  };
}

/** Heads of packed tokens as rows: x [tokens, heads * dim] -> [padded * heads, dim]. Filling is any token's. */
export function spreadHeads(x: tf.Tensor, { heads, sources, targets }: HeadPlaces): tf.Tensor {
  const [tokens, width] = x.shape as [number, number];
  const dim = width / heads;
  return differentiable([x], (save) => {
    save([targets]);
    return {
      value: tf.gather(tf.reshape(x, [tokens * heads, dim]), sources),
      // Every head of a token has one place but that of filling, which no one looks at.
      gradients: (dy, saved) => [tf.reshape(tf.gather(dy, saved[0]!), [tokens, width])],
    };
  });
}

/**
 * Heads of padded sequences back in the rows of their tokens, which undoes `spreadHeads`: x [padded * heads, dim] ->
 * [tokens, heads * dim].
 */
export function collectHeads(x: tf.Tensor, { heads, sources, real, targets }: HeadPlaces): tf.Tensor {
  const tokens = targets.shape[0]!;
  const dim = x.shape[1]!;
  return differentiable([x], (save) => {
    save([sources, real]);
    return {
      value: tf.reshape(tf.gather(x, targets), [tokens, heads * dim]),
      gradients: (dy, saved) => {
        const [from, mask] = saved as [tf.Tensor, tf.Tensor];
        return [tf.mul(tf.gather(tf.reshape(dy, [tokens * heads, dim]), from), mask)];
      },
    };
  });
}

/**
 * Some rows, each as often as it is wanted: x [rows, ...rest], at int32 [count], index int32 [rows] (0 .. rows - 1)
 * -> [count, ...rest].
 */
export function repeatedRows(x: tf.Tensor, at: tf.Tensor, index: tf.Tensor): tf.Tensor {
  const rows = x.shape[0]!;
  const count = at.shape[0]!;
  return differentiable([x], (save) => {
    save([at, index]);
    return {
      value: tf.gather(x, at),
      // As a product: one row of ones and zeros for each row of x.
      gradients: (dy, saved) => {
        const [chosen, all] = saved as [tf.Tensor, tf.Tensor];
        const member = tf.cast(
          tf.equal(tf.reshape(all, [rows, 1]), tf.reshape(chosen, [1, count])),
          "float32",
        );
        return [tf.reshape(tf.matMul(member, tf.reshape(dy, [count, x.size / rows])), x.shape)];
      },
    };
  });
}
