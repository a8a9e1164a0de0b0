import { CorellaError } from "@corella/errors";
import { createBitStream } from "@corella/random";
import type { Batch, Program } from "./program.ts";
import type { DropoutMask } from "../capture/capture.ts";
import type { Sizes, SymbolicNumber } from "../capture/backend/symbolic.ts";

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

/**
 * The bits of one dropout mask at one step, the same in every run with the seed: element i is kept where byte i of the
 * stream is below 256 keep.
 */
export function maskBits(
  mask: Pick<DropoutMask, "name" | "keep">,
  size: number,
  seed: number,
  step: number,
): Uint8Array {
  const threshold = Math.round(mask.keep * 256);
  const words = new Int32Array(Math.ceil(size / 4));
  createBitStream(seed, `dropout/${mask.name}`, step)(words);
  // Four bytes are compared at once: for n up to 128, the top bit of n + 127 - (byte & 127) tells whether the lower seven
  // bits are below n, and no byte borrows from the next. Above 128, b < n is the contrary of 255 - b < 256 - n.
  const flip = threshold > 128 ? -1 : 0;
  const minuend = Math.imul(0x01010101, 127 + (flip === 0 ? threshold : 256 - threshold));
  for (let i = 0; i < words.length; i++) {
    const word = words[i]! ^ flip;
    const below = (minuend - (word & 0x7f7f7f7f)) & ~word;
    words[i] = ((below ^ flip) >>> 7) & 0x01010101;
  }
  return new Uint8Array(words.buffer, 0, size);
}
