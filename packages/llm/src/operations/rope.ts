import { tf } from "@corella/engine";
import type { DecoderConfig } from "../config/decoder.ts";
import type { RopeConfig } from "../config/rope.ts";
import { differentiable } from "./differentiable.ts";

/**
 * The angle by which each pair of dimensions turns from one position to the next, and the factor on cosine and sine. For
 * kinds that depend on the length: those of short sequences.
 */
export interface RopeFrequencies {
  /** [headDim / 2] */
  readonly frequencies: Float32Array;
  readonly attentionFactor: number;
}

/** The frequencies of a RoPE, theta^(-2i / headDim) (Su et al. 2021) as its kind changes them. */
export function ropeFrequencies(rope: RopeConfig, headDim: number): RopeFrequencies {
  const base = Float64Array.from({ length: headDim / 2 }, (_, i) => rope.theta ** ((-2 * i) / headDim));
  switch (rope.kind) {
    case "default":
    case "dynamic":
      return { frequencies: Float32Array.from(base), attentionFactor: 1 };
    case "linear":
      return { frequencies: Float32Array.from(base, (f) => f / rope.factor), attentionFactor: 1 };
    case "llama3":
      return { frequencies: Float32Array.from(base, (f) => llama3Frequency(f, rope)), attentionFactor: 1 };
    case "longrope":
      return {
        frequencies: Float32Array.from(base, (f, i) => f / rope.shortFactors[i]!),
        attentionFactor: rope.attentionFactor,
      };
    case "yarn":
      return { frequencies: yarnFrequencies(base, rope, headDim), attentionFactor: rope.attentionFactor };
  }
}

/** Llama 3.1: long waves are stretched, short ones kept, those between interpolated. */
function llama3Frequency(frequency: number, rope: Extract<RopeConfig, { kind: "llama3" }>): number {
  const wavelength = (2 * Math.PI) / frequency;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions: length } = rope;
  if (wavelength < length / high) return frequency;
  if (wavelength > length / low) return frequency / factor;
  const smooth = (length / wavelength - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** Peng et al. 2023, "NTK by parts": a ramp over the dimensions between two numbers of rotations. */
function yarnFrequencies(
  base: Float64Array,
  rope: Extract<RopeConfig, { kind: "yarn" }>,
  headDim: number,
): Float32Array {
  const dimensionOf = (rotations: number): number =>
    (headDim * Math.log(rope.originalMaxPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(rope.theta));
  const [first, last] = [dimensionOf(rope.betaFast), dimensionOf(rope.betaSlow)];
  const low = Math.max(rope.truncate === false ? first : Math.floor(first), 0);
  let high = Math.min(rope.truncate === false ? last : Math.ceil(last), headDim - 1);
  if (low === high) high += 0.001;
  return Float32Array.from(base, (frequency, i) => {
    const stretched = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (frequency / rope.factor) * stretched + frequency * (1 - stretched);
  });
}

/** Cosines and sines for `rotate`: [batch or 1, 1, time, headDim]. The sine of the first half is negated. */
export interface Rotation {
  readonly cosine: tf.Tensor;
  readonly sine: tf.Tensor;
}

/**
 * The rotation of queries or keys at their positions, for `rotate`.
 * @param positions int32 [batch or 1, time]
 * @param all where some RoPE depends on the length: the positions of all tokens, of which the greatest decides for the
 * whole batch, as in transformers. Default `positions`
 */
export function rotationAt(
  positions: tf.Tensor,
  config: Pick<DecoderConfig, "rope" | "headDim">,
  all: tf.Tensor = positions,
): Rotation {
  const { frequencies, attentionFactor } = ropeFrequencies(config.rope, config.headDim);
  const [rows, time] = positions.shape as [number, number];
  const angles = tf.mul(
    tf.reshape(tf.cast(positions, "float32"), [rows, 1, time, 1]),
    atLength(frequencies, config.rope, all),
  );
  const cosine = tf.cos(angles);
  const sine = tf.sin(angles);
  return scaled(
    { cosine: tf.concat([cosine, cosine], -1), sine: tf.concat([tf.neg(sine), sine], -1) },
    attentionFactor,
  );
}

/** The frequencies [1, 1, 1, headDim / 2], changed where a position is beyond those of short sequences. */
function atLength(frequencies: Float32Array, rope: RopeConfig, positions: tf.Tensor): tf.Tensor {
  const pairs = frequencies.length;
  const row = (values: Float32Array): tf.Tensor => tf.tensor(values, [1, 1, 1, pairs]);
  const short = row(frequencies);
  const greatest = (): tf.Tensor => tf.max(tf.cast(positions, "float32"));
  if (rope.kind === "longrope" && rope.shortFactors.join() !== rope.longFactors.join()) {
    const isLong = tf.cast(tf.greaterEqual(greatest(), rope.originalMaxPositions), "float32");
    const long = row(frequencies.map((f, i) => (f * rope.shortFactors[i]!) / rope.longFactors[i]!));
    return tf.add(tf.mul(short, tf.sub(1, isLong)), tf.mul(long, isLong));
  }
  if (rope.kind === "dynamic") {
    // "NTK-aware": the base grows so that the slowest pair turns slower by `stretch`, the fastest one as before.
    const { factor, maxPositions } = rope;
    const stretch = tf.sub(tf.mul(tf.add(greatest(), 1), factor / maxPositions), factor - 1);
    const exponents = row(Float32Array.from({ length: pairs }, (_, i) => -i / (pairs - 1)));
    return tf.mul(short, tf.exp(tf.mul(tf.log(tf.maximum(stretch, 1)), exponents)));
  }
  return short;
}

/** A rotation with a factor on its result: a query's 1 / sqrt(headDim) costs nothing here. */
export function scaled({ cosine, sine }: Rotation, factor: number): Rotation {
  return { cosine: tf.mul(cosine, factor), sine: tf.mul(sine, factor) };
}

/**
 * Rotates the pairs (i, i + headDim / 2) of each head (the "rotate half" layout of Hugging Face).
 * x [batch, heads, time, headDim]
 */
export function rotate(x: tf.Tensor, { cosine, sine }: Rotation): tf.Tensor {
  return differentiable([x], (save) => {
    save([cosine, sine]);
    return {
      value: tf.add(tf.mul(x, cosine), tf.mul(swapHalves(x), sine)),
      // The swap is its own transpose.
      gradients: (dy, saved) => {
        const [c, s] = saved as [tf.Tensor, tf.Tensor];
        return [tf.add(tf.mul(dy, c), swapHalves(tf.mul(dy, s)))];
      },
    };
  });
}

function swapHalves(x: tf.Tensor): tf.Tensor {
  const [first, second] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
  return tf.concat([second, first], -1);
}
