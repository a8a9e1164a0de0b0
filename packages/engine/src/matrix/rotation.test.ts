import fc from "fast-check";
import { expect, test } from "vitest";
import { rotate, rotationBlock, rotationMatrix } from "./rotation.ts";

test("blocks are powers of two that divide the inputs", () => {
  expect([576, 1536, 96, 70, 40, 33, 1].map(rotationBlock)).toEqual([64, 64, 32, 2, 8, 1, 1]);
});

test("the matrix of two, and of four as pairs of it", () => {
  const half = Math.sqrt(0.5);
  expect([...rotationMatrix(2)]).toEqual([half, half, half, -half].map(Math.fround));
  const signs = [1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1];
  expect([...rotationMatrix(4)]).toEqual(signs.map((sign) => sign / 2));
});

test("rotating equals the product with the matrix, keeps lengths, and twice is the identity", () => {
  const rows = fc
    .constantFrom(64, 96, 40, 6)
    .chain((count) =>
      fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: count, maxLength: count }),
    );
  fc.assert(
    fc.property(rows, (numbers) => {
      const count = numbers.length;
      const block = rotationBlock(count);
      const matrix = rotationMatrix(block);
      const rotated = Float64Array.from(numbers);
      rotate(rotated, count);
      rotated.forEach((value, i) => {
        const start = i - (i % block);
        let sum = 0;
        for (let j = 0; j < block; j++) sum += numbers[start + j]! * matrix[j * block + (i % block)]!;
        expect(value).toBeCloseTo(sum, 3);
      });
      const norm = (x: Iterable<number>): number => Math.hypot(...x);
      expect(norm(rotated)).toBeCloseTo(norm(numbers), 6);
      rotate(rotated, count);
      rotated.forEach((value, i) => expect(value).toBeCloseTo(numbers[i]!, 6));
    }),
  );
});

test("an outlier is spread over its block", () => {
  const row = Float64Array.from({ length: 128 }, (_, i) => (i === 5 ? 80 : 0));
  rotate(row, 128);
  expect(row.subarray(0, 64).every((value) => Math.abs(Math.abs(value) - 10) < 1e-9)).toBe(true);
  expect(row.subarray(64).every((value) => value === 0)).toBe(true);
});
