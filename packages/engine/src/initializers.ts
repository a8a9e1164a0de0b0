import { createGenerator, type Generator } from "./random.ts";

/** How a tensor gets its first values; definitions as in torch.nn.init. */
export type Initializer =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly limit: number }
  /** Glorot & Bengio 2010; fans default to those of a [out, in] weight. */
  | { readonly kind: "xavierNormal"; readonly fanIn?: number; readonly fanOut?: number }
  | { readonly kind: "xavierUniform"; readonly fanIn?: number; readonly fanOut?: number }
  /** He et al. 2015 with negative slope a = sqrt(5), PyTorch's default of a linear layer: U(+-1/sqrt(fanIn)). */
  | { readonly kind: "kaimingUniform"; readonly fanIn?: number };

/**
 * First values of one tensor.
 * @param name names the tensor: each has its own random stream, so adding one changes no other
 */
export function initialize(
  initializer: Initializer,
  shape: readonly number[],
  seed: number,
  name: string,
): Float32Array {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const values = new Float32Array(size);
  const generator = createGenerator(seed, `init/${name}`);
  const { fanIn, fanOut } = fans(shape);
  switch (initializer.kind) {
    case "zeros":
      return values;
    case "ones":
      return values.fill(1);
    case "constant":
      return values.fill(initializer.value);
    case "normal":
      return fillNormal(values, generator, initializer.std);
    case "uniform":
      return fillUniform(values, generator, initializer.limit);
    case "xavierNormal":
      return fillNormal(
        values,
        generator,
        Math.sqrt(2 / ((initializer.fanIn ?? fanIn) + (initializer.fanOut ?? fanOut))),
      );
    case "xavierUniform":
      return fillUniform(
        values,
        generator,
        Math.sqrt(6 / ((initializer.fanIn ?? fanIn) + (initializer.fanOut ?? fanOut))),
      );
    case "kaimingUniform":
      return fillUniform(values, generator, 1 / Math.sqrt(initializer.fanIn ?? fanIn));
  }
}

/** Fans as torch computes them: dimension 0 is out, dimension 1 in, the rest the receptive field. */
function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  const receptiveField = shape.slice(2).reduce((product, dimension) => product * dimension, 1);
  return { fanIn: (shape[1] ?? shape[0] ?? 1) * receptiveField, fanOut: (shape[0] ?? 1) * receptiveField };
}

function fillNormal(values: Float32Array, generator: Generator, std: number): Float32Array {
  for (let i = 0; i < values.length; i++) values[i] = generator.normal() * std;
  return values;
}

function fillUniform(values: Float32Array, generator: Generator, limit: number): Float32Array {
  for (let i = 0; i < values.length; i++) values[i] = (2 * generator.uniform() - 1) * limit;
  return values;
}
