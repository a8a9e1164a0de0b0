import { CorellaError } from "@corella/errors";
import { createGenerator } from "@corella/random";
import { fillNormal, fillUniform } from "./random-fill.ts";

/** What comes after a weight; its gain keeps the variance of what passes (torch.nn.init.calculate_gain). */
export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "selu" | { readonly leakyRelu: number };

/** Fans of a weight where they are not those of its shape [out, in, ...]. */
interface Fans {
  readonly fanIn?: number;
  readonly fanOut?: number;
}

/** He et al. 2015. Without a nonlinearity: leaky ReLU of slope sqrt(5), as PyTorch initialises its linear layers. */
interface Kaiming extends Fans {
  readonly nonlinearity?: Nonlinearity;
  /** Keep the variance forward (default) or backward. */
  readonly mode?: "fanIn" | "fanOut";
}

/** How a tensor gets its first values; definitions as in torch.nn.init. */
export type Initializer =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number; readonly mean?: number }
  /** N(mean, std^2) within [low, high]; as in PyTorch, these count in units of the values, default -2 and 2. */
  | {
      readonly kind: "truncatedNormal";
      readonly std: number;
      readonly mean?: number;
      readonly low?: number;
      readonly high?: number;
    }
  /** U(-limit, limit) */
  | { readonly kind: "uniform"; readonly limit: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  /** Glorot & Bengio 2010; fans default to those of a [out, in] weight. */
  | (Fans & { readonly kind: "xavierNormal" })
  | (Fans & { readonly kind: "xavierUniform" })
  /** N(0, gain^2 / fan) */
  | (Kaiming & { readonly kind: "kaimingNormal" })
  /** U(+-gain sqrt(3 / fan)); without a nonlinearity U(+-1/sqrt(fanIn)) */
  | (Kaiming & { readonly kind: "kaimingUniform" })
  /** Saxe et al. 2013: orthonormal rows, or columns where those are fewer, times the gain (default 1). */
  | { readonly kind: "orthogonal"; readonly gain?: number };

/**
 * First values of one tensor.
 * @param name names the tensor: each has its own random stream, so adding one changes no other
 * @throws CorellaError `engine/initializer` for a distribution or a shape that cannot be drawn
 */
export function initialize(
  initializer: Initializer,
  shape: readonly number[],
  seed: number,
  name: string,
): Float32Array {
  const values = new Float32Array(shape.reduce((product, dimension) => product * dimension, 1));
  const purpose = `init/${name}`;
  const normal = (std: number): Float32Array => fillNormal(values, seed, purpose, std);
  const uniform = (limit: number): Float32Array => fillUniform(values, seed, purpose, 0, limit);
  switch (initializer.kind) {
    case "zeros":
      return values;
    case "ones":
      return values.fill(1);
    case "constant":
      return values.fill(initializer.value);
    case "normal": {
      const { std, mean = 0 } = initializer;
      normal(std);
      if (mean !== 0) for (let i = 0; i < values.length; i++) values[i]! += mean;
      return values;
    }
    case "truncatedNormal":
      return fillTruncatedNormal(values, seed, name, initializer);
    case "uniform": {
      if ("limit" in initializer) return uniform(initializer.limit);
      const { low, high } = initializer;
      return fillUniform(values, seed, purpose, (low + high) / 2, (high - low) / 2);
    }
    case "xavierNormal":
      return normal(Math.sqrt(2 / sumOfFans(shape, initializer)));
    case "xavierUniform":
      return uniform(Math.sqrt(6 / sumOfFans(shape, initializer)));
    case "kaimingNormal":
      return normal(gainOf(initializer.nonlinearity) / Math.sqrt(fanOf(shape, initializer)));
    case "kaimingUniform": {
      const gain =
        initializer.nonlinearity === undefined ? 1 : Math.sqrt(3) * gainOf(initializer.nonlinearity);
      return uniform(gain / Math.sqrt(fanOf(shape, initializer)));
    }
    case "orthogonal":
      return orthogonal(normal(1), shape, name, initializer.gain ?? 1);
  }
}

/** Fans as torch computes them: dimension 0 is out, dimension 1 in, the rest the receptive field. */
function fansOf(shape: readonly number[]): Required<Fans> {
  const receptiveField = shape.slice(2).reduce((product, dimension) => product * dimension, 1);
  return { fanIn: (shape[1] ?? shape[0] ?? 1) * receptiveField, fanOut: (shape[0] ?? 1) * receptiveField };
}

function sumOfFans(shape: readonly number[], given: Fans): number {
  const own = fansOf(shape);
  return (given.fanIn ?? own.fanIn) + (given.fanOut ?? own.fanOut);
}

function fanOf(shape: readonly number[], { mode = "fanIn", ...given }: Kaiming): number {
  return given[mode] ?? fansOf(shape)[mode];
}

function gainOf(nonlinearity: Nonlinearity = { leakyRelu: Math.sqrt(5) }): number {
  switch (nonlinearity) {
    case "linear":
    case "sigmoid":
      return 1;
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "selu":
      return 3 / 4;
    default:
      return Math.sqrt(2 / (1 + nonlinearity.leakyRelu ** 2));
  }
}

/** Draws again what falls outside. */
function fillTruncatedNormal(
  values: Float32Array,
  seed: number,
  name: string,
  { std, mean = 0, low = -2, high = 2 }: Extract<Initializer, { kind: "truncatedNormal" }>,
): Float32Array {
  // Further out, where PyTorch warns as well, fewer than one draw in 40 would count.
  if (!(low < high && mean >= low - 2 * std && mean <= high + 2 * std)) {
    throw new CorellaError({
      code: "engine/initializer",
      message: `A normal distribution of mean ${mean} and deviation ${std} hardly reaches [${low}, ${high}].`,
      place: name,
      remedy: "Choose low < high, and a mean within two deviations of them.",
    });
  }
  const generator = createGenerator(seed, `init/${name}`);
  for (let i = 0; i < values.length; i++) {
    do values[i] = mean + std * generator.normal();
    while (values[i]! < low || values[i]! > high);
  }
  return values;
}

/**
 * Gram-Schmidt of the shorter side of [rows, columns], each vector twice for the sake of rounding. It is the Q of the QR
 * decomposition whose R has a positive diagonal, which PyTorch takes too.
 */
function orthogonal(
  normal: Float32Array,
  shape: readonly number[],
  name: string,
  gain: number,
): Float32Array {
  if (shape.length < 2) {
    throw new CorellaError({
      code: "engine/initializer",
      message: `The shape [${shape.join(", ")}] has no rows that could be orthogonal.`,
      place: name,
      remedy: "Use orthogonal for parameters of two or more dimensions.",
    });
  }
  const rows = shape[0]!;
  const columns = normal.length / rows;
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const at =
    rows <= columns ? (i: number, j: number) => i * columns + j : (i: number, j: number) => j * columns + i;
  const vectors: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const vector = Float64Array.from({ length }, (_, j) => normal[at(i, j)]!);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) {
        const share = vector.reduce((sum, value, j) => sum + value * other[j]!, 0);
        for (let j = 0; j < length; j++) vector[j]! -= share * other[j]!;
      }
      const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
      for (let j = 0; j < length; j++) vector[j]! /= norm;
    }
    vectors.push(vector);
  }
  for (let i = 0; i < count; i++) for (let j = 0; j < length; j++) normal[at(i, j)] = gain * vectors[i]![j]!;
  return normal;
}
