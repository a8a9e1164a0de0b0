import type { Sizes, SymbolicNumber } from "../../program/dimensions.ts";
import { captureError, type GraphConstant } from "./graph.ts";

// A program is traced twice with different sizes for each named dimension. A constant that differs between the two traces
// depends on the dimensions, and is a product of powers of them; one that does not differ is a plain number. So one graph
// serves every batch size and length.

/** Pairs of sets; when a size of the program itself coincides with one of a pair, the next pair is tried. */
const standIns = [
  { first: [11, 13, 17, 19, 23, 29], second: [31, 37, 41, 43, 47, 53] },
  { first: [59, 61, 67, 71, 73, 79], second: [83, 89, 97, 101, 103, 107] },
  { first: [109, 113, 127, 131, 137, 139], second: [149, 151, 157, 163, 167, 173] },
] as const;

/** How many pairs of stand-in sizes there are to try. */
export const standInPairs: number = standIns.length;

/** The two sets of stand-in sizes for the named dimensions: distinct primes. */
export function standInSizes(dimensions: readonly string[], pair = 0): { first: Sizes; second: Sizes } {
  const { first: firstSizes, second: secondSizes } = standIns[pair]!;
  if (dimensions.length > firstSizes.length) {
    throw captureError(
      `A program may have ${firstSizes.length} named dimensions, this one has ${dimensions.length}.`,
    );
  }
  return {
    first: Object.fromEntries(dimensions.map((name, i) => [name, firstSizes[i]!])),
    second: Object.fromEntries(dimensions.map((name, i) => [name, secondSizes[i]!])),
  };
}

/** Factors a pair of traced values into a symbolic number; undefined when no product explains both. */
export function factor(a: number, b: number, first: Sizes, second: Sizes): SymbolicNumber | undefined {
  if (Object.is(a, b)) return { coefficient: a, exponents: {} };
  const names = Object.keys(first);
  const search = (
    index: number,
    restA: number,
    restB: number,
    exponents: Record<string, number>,
  ): SymbolicNumber | undefined => {
    const close = Math.abs(restA - restB) <= 1e-6 * Math.abs(restA);
    if (index === names.length) return close ? { coefficient: restA, exponents } : undefined;
    const name = names[index]!;
    for (const exponent of [0, 1, 2, 3, -1, -2]) {
      const found = search(
        index + 1,
        restA / first[name]! ** exponent,
        restB / second[name]! ** exponent,
        exponent === 0 ? exponents : { ...exponents, [name]: exponent },
      );
      if (found) return found;
    }
    return undefined;
  };
  return search(0, a, b, {});
}

/** The symbolic numbers of a constant that differs between the traces; undefined when it is the same in both. */
export function symbolicValues(
  a: GraphConstant,
  b: GraphConstant,
  first: Sizes,
  second: Sizes,
): SymbolicNumber[] | undefined {
  if (a.values.length !== b.values.length || a.shape.join() !== b.shape.join()) {
    throw captureError(
      `A constant of shape [${a.shape.join()}] grows with a named dimension (${Object.keys(first).join(", ")}).`,
      "declare it as an input of the program",
    );
  }
  let differs = false;
  for (let i = 0; i < a.values.length && !differs; i++) differs = !Object.is(a.values[i], b.values[i]);
  if (!differs) return undefined;
  return Array.from(a.values, (value, i) => {
    const number = factor(value, b.values[i]!, first, second);
    if (number === undefined) {
      throw captureError(`The constant ${value} depends on a named dimension other than as a product.`);
    }
    return number;
  });
}
