import { CorellaError } from "@corella/errors";
import { createGenerator } from "./random.ts";
import type { Batch, Program } from "./program.ts";
import type { DropoutMask } from "./capture/capture.ts";
import type { Sizes, SymbolicNumber } from "./capture/symbolic.ts";

/** Sizes of the named dimensions in a batch. Refuses arrays that do not fit the program's inputs. */
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

/** The actual shape of an output. */
export function actualShape(shape: readonly SymbolicNumber[], sizes: Sizes): number[] {
  return shape.map((number) =>
    Object.entries(number.exponents).reduce(
      (size, [name, exponent]) => size * sizes[name]! ** exponent,
      Math.round(number.coefficient),
    ),
  );
}

/** The bits of one dropout mask at one step, the same in every run with the seed. */
export function maskBits(
  mask: Pick<DropoutMask, "name" | "keep">,
  size: number,
  seed: number,
  step: number,
): Uint8Array {
  const generator = createGenerator(seed, `dropout/${mask.name}`, step);
  const threshold = Math.round(mask.keep * 256);
  const bits = new Uint8Array(size);
  // Four elements from each draw of 32 bits.
  for (let i = 0; i < size; i += 4) {
    const word = generator.bits();
    bits[i] = (word & 255) < threshold ? 1 : 0;
    if (i + 1 < size) bits[i + 1] = ((word >>> 8) & 255) < threshold ? 1 : 0;
    if (i + 2 < size) bits[i + 2] = ((word >>> 16) & 255) < threshold ? 1 : 0;
    if (i + 3 < size) bits[i + 3] = word >>> 24 < threshold ? 1 : 0;
  }
  return bits;
}
