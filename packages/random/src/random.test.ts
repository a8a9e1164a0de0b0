import fc from "fast-check";
import { expect, test } from "vitest";
import { createBitStream, createGenerator, permutation, shuffle } from "./index.ts";

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

test("integers are below their limit, for every limit up to 2^32", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, limit) => {
      const generator = createGenerator(seed, "test");
      for (let i = 0; i < 20; i++) {
        const value = generator.integer(limit);
        expect(Number.isInteger(value) && value >= 0 && value < limit).toBe(true);
      }
    }),
  );
});

test("integers are even", () => {
  const generator = createGenerator(1, "even");
  const counts = new Float64Array(10);
  for (let i = 0; i < 100_000; i++) counts[generator.integer(10)]! += 1;
  // chi-squared with 9 degrees of freedom: 27.9 is passed once in a thousand
  const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  expect(chiSquared).toBeLessThan(27.9);
});

test("no third is favoured where the limit is three quarters of 2^32", () => {
  const generator = createGenerator(3, "thirds");
  const counts = [0, 0, 0];
  // Without rejection the words would fall into the thirds of [0, 2^32 3/4) evenly as well, but every third value twice.
  let even = 0;
  for (let i = 0; i < 30_000; i++) {
    const value = generator.integer(0.75 * 2 ** 32);
    counts[Math.floor(value / 2 ** 30)]! += 1;
    if (value % 3 === 0) even++;
  }
  // Standard deviation sqrt(30,000 / 3 * 2 / 3) = 82; without rejection half of the values would be multiples of three.
  for (const count of [...counts, even]) expect(Math.abs(count - 10_000)).toBeLessThan(4 * 82);
});

test("a permutation holds every number once, and a shuffle every value", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(60), (seed, size) => {
      const order = permutation(size, createGenerator(seed, "test"));
      expect([...order].toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
      const values = Uint32Array.from({ length: size }, (_, i) => 3 * i);
      shuffle(values, createGenerator(seed, "test"));
      expect([...values]).toEqual([...order].map((position) => 3 * position));
    }),
  );
});
