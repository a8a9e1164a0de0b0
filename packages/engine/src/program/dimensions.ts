import { CorellaError } from "@corella/errors";
import type { Batch, Program } from "./program.ts";

/** A size that depends on named dimensions: `coefficient * product(dimension ** exponent)`. */
export interface SymbolicNumber {
  readonly coefficient: number;
  /** The power of each dimension, by name; only those that are not zero. */
  readonly exponents: Readonly<Record<string, number>>;
}

/** What each named dimension is in one batch. */
export type Sizes = Readonly<Record<string, number>>;

/** The named dimensions of a program's inputs, in order of appearance. */
export function dimensionsOf(program: Program): string[] {
  const names = new Set<string>();
  for (const spec of Object.values(program.inputs)) {
    for (const dimension of spec.shape) if (typeof dimension === "string") names.add(dimension);
  }
  return [...names];
}

/**
 * Sizes of the named dimensions in a batch.
 * @throws CorellaError `engine/input` for an input that is absent or does not fit the program's declaration
 */
export function bindDimensions(program: Program, batch: Batch): Sizes {
  const sizes: Record<string, number> = {};
  for (const [name, spec] of Object.entries(program.inputs)) {
    const feed = batch[name];
    if (feed === undefined) throw badInput(name, `The batch lacks the input ${name}.`);
    const expected = spec.shape.map((dimension) =>
      typeof dimension === "number" ? dimension : (sizes[dimension] ?? dimension),
    );
    const fits =
      feed.shape.length === expected.length &&
      expected.every((size, i) => typeof size === "string" || size === feed.shape[i]);
    if (!fits) {
      throw badInput(
        name,
        `The input ${name} has shape [${feed.shape.join(", ")}], the program wants [${expected.join(", ")}].`,
      );
    }
    const count = feed.shape.reduce((product, size) => product * size, 1);
    if (count !== feed.data.length) {
      throw badInput(
        name,
        `The input ${name} has ${feed.data.length} elements for shape [${feed.shape.join(", ")}].`,
      );
    }
    const arrayFits =
      spec.dtype === "int32" ? feed.data instanceof Int32Array : feed.data instanceof Float32Array;
    if (!arrayFits)
      throw badInput(
        name,
        `The input ${name} must be a${spec.dtype === "int32" ? "n Int32Array" : " Float32Array"}.`,
      );
    spec.shape.forEach((dimension, i) => {
      if (typeof dimension === "string") sizes[dimension] = feed.shape[i]!;
    });
  }
  return sizes;
}

function badInput(place: string, message: string): CorellaError {
  return new CorellaError({
    code: "engine/input",
    message,
    place,
    remedy: "Give every declared input with its declared shape and type.",
  });
}

/** A symbolic shape in numbers, for the sizes of one batch. */
export function actualShape(shape: readonly SymbolicNumber[], sizes: Sizes): number[] {
  return shape.map((number) =>
    Object.entries(number.exponents).reduce(
      (size, [name, exponent]) => size * sizes[name]! ** exponent,
      Math.round(number.coefficient),
    ),
  );
}
