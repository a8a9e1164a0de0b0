import fc from "fast-check";
import { expect, test } from "vitest";
import { maskBits } from "./batch.ts";
import { createBitStream, createGenerator } from "./random.ts";

test("a stream in bulk is the generator's, however it is cut", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.string(),
      fc.nat(),
      fc.array(fc.nat(20)),
      (seed, purpose, position, cuts) => {
        const generator = createGenerator(seed, purpose, position);
        const next = createBitStream(seed, purpose, position);
        for (const length of cuts) {
          const words = new Int32Array(length);
          next(words);
          expect(Array.from(words, (word) => word >>> 0)).toEqual(
            Array.from({ length }, () => generator.bits()),
          );
        }
      },
    ),
  );
});

test("a dropout mask keeps the elements whose byte of the stream is below 256 keep", () => {
  for (let threshold = 0; threshold <= 256; threshold++) {
    const generator = createGenerator(7, "dropout/mask.3", threshold);
    const expected: number[] = [];
    while (expected.length < 1003) {
      const word = generator.bits();
      for (let byte = 0; byte < 4; byte++) expected.push(((word >>> (8 * byte)) & 255) < threshold ? 1 : 0);
    }
    const bits = maskBits({ name: "mask.3", keep: threshold / 256 }, 1003, 7, threshold);
    expect([...bits]).toEqual(expected.slice(0, 1003));
  }
});
