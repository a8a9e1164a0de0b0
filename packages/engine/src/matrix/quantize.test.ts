import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  aroundMiddle,
  blockSize,
  blocksOf,
  bytesOf,
  dequantize,
  outputsOf,
  packedZeroPoints,
  quantizeInt4,
  quantizeInt8,
  toFloat16,
  type Int4Matrix,
  type Int8Matrix,
  type OutputAxis,
  type StoredMatrix,
} from "./quantize.ts";
import { rotate } from "./rotation.ts";

const finite = fc.oneof(
  fc.float({ noNaN: true, min: Math.fround(-4e37), max: Math.fround(4e37) }),
  fc.float({ min: -1, max: 1, noNaN: true }),
  fc.constant(-0),
);

/** A matrix of any numbers, whose inputs are not a multiple of the block in most cases. */
const matrices = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 70 }))
  .chain(([rows, columns]) =>
    fc.record({
      shape: fc.constant([rows, columns] as const),
      outputAxis: fc.constantFrom<OutputAxis>(0, 1),
      values: fc
        .array(finite, { minLength: rows * columns, maxLength: rows * columns })
        .map((values) => Float32Array.from(values)),
    }),
  );

/** Output and input of an element. */
function place(matrix: Int8Matrix | Int4Matrix, at: number): { output: number; input: number } {
  const columns = matrix.shape[1];
  const row = Math.floor(at / columns);
  const column = at % columns;
  return matrix.outputAxis === 0 ? { output: row, input: column } : { output: column, input: row };
}

/** Each output's inputs rotated, as 8-bit codes stand for them. */
function rotated(values: Float32Array, matrix: Int8Matrix): Float64Array {
  const result = new Float64Array(values.length);
  const places = Array.from(values, (_, at) => place(matrix, at).output);
  for (let output = 0; output < outputsOf(matrix); output++) {
    const row = Float64Array.from(values.filter((_, at) => places[at] === output));
    rotate(row, row.length);
    let next = 0;
    places.forEach((of, at) => {
      if (of === output) result[at] = row[next++]!;
    });
  }
  return result;
}

function expectWithinHalfAStep(
  values: Float64Array,
  back: Float64Array,
  matrix: Int8Matrix | Int4Matrix,
  scaleOf: (output: number, input: number) => number,
): void {
  values.forEach((value, i) => {
    const { output, input } = place(matrix, i);
    // What is beyond one half is the rounding of float32 scales and products.
    const bound = scaleOf(output, input) * 0.5002 + Math.abs(value) * 1e-6;
    expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(bound);
  });
}

describe("a value is off by half a step at most", () => {
  test("int8, with either zero point", () => {
    fc.assert(
      fc.property(matrices, fc.constantFrom<0 | 128>(0, 128), ({ shape, outputAxis, values }, zeroPoint) => {
        const matrix = quantizeInt8("w", values, shape, outputAxis, zeroPoint);
        expect(matrix.scales).toHaveLength(outputsOf(matrix));
        const back = rotated(dequantize(matrix), matrix);
        expectWithinHalfAStep(rotated(values, matrix), back, matrix, (output) => matrix.scales[output]!);
      }),
    );
  });

  test("int4", () => {
    fc.assert(
      fc.property(matrices, ({ shape, outputAxis, values }) => {
        const matrix = quantizeInt4("w", values, shape, outputAxis);
        expectWithinHalfAStep(
          Float64Array.from(values),
          Float64Array.from(dequantize(matrix)),
          matrix,
          (output, input) => matrix.scales[output * blocksOf(matrix) + Math.floor(input / blockSize)]!,
        );
      }),
    );
  });
});

test("what was quantised once stays as it is", () => {
  fc.assert(
    fc.property(matrices, ({ shape, outputAxis, values }) => {
      const once = dequantize(quantizeInt8("w", values, shape, outputAxis, 0));
      const twice = dequantize(quantizeInt8("w", once, shape, outputAxis, 0));
      twice.forEach((value, i) =>
        expect(Math.abs(value - once[i]!)).toBeLessThanOrEqual(Math.abs(once[i]!) * 1e-6),
      );
    }),
  );
});

test("the zero point changes the codes and no value", () => {
  fc.assert(
    fc.property(matrices, ({ shape, outputAxis, values }) => {
      const signed = quantizeInt8("w", values, shape, outputAxis, 0);
      const unsigned = quantizeInt8("w", values, shape, outputAxis, 128);
      expect(dequantize(unsigned)).toEqual(dequantize(signed));
      expect(aroundMiddle(signed)).toEqual(unsigned);
      expect(aroundMiddle(unsigned)).toBe(unsigned);
    }),
  );
});

test("a transposed matrix with transposed outputs is the same", () => {
  fc.assert(
    fc.property(matrices, ({ shape: [rows, columns], values }) => {
      const transposed = Float32Array.from(
        values,
        (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!,
      );
      const a = quantizeInt4("w", values, [rows, columns], 0);
      const b = quantizeInt4("w", transposed, [columns, rows], 1);
      expect({ ...b, shape: a.shape, outputAxis: 0 }).toEqual(a);
    }),
  );
});

test("codes of a small matrix, worked out by hand", () => {
  // An odd number of inputs is not rotated. Scales 2 / 127 and 1 / 127: 2 -> 127, -1.2 -> -76.2 -> -76; a row of zeros has codes of zero.
  const int8 = quantizeInt8("w", Float32Array.of(2, -1.2, 0, 0, 0, 0, 1, -0, 0), [3, 3], 0, 0);
  expect(int8.codes).toEqual(Int8Array.of(127, -76, 0, 0, 0, 0, 127, 0, 0));
  expect(int8.scales[0]).toBe(Math.fround(2 / 127));
  expect(dequantize(int8)[3]).toBe(0);
  // The range -1 to 2 in 15 steps of 0.2, zero at 5: -1 -> 0, 0.5 -> 7 or 8, 2 -> 15; the rest of the block is zero.
  const int4 = quantizeInt4("w", Float32Array.of(-1, 0.6, 2), [1, 3], 0);
  expect(int4.scales[0]).toBe(Math.fround(0.2));
  expect(int4.zeroPoints).toEqual(Uint8Array.of(5));
  expect([...int4.codes.subarray(0, 3)]).toEqual([0 | (8 << 4), 15 | (5 << 4), 5 | (5 << 4)]);
});

test("a row of one value is that value", () => {
  fc.assert(
    fc.property(fc.float({ min: Math.fround(-1e30), max: Math.fround(1e30), noNaN: true }), (value) => {
      const values = new Float32Array(40).fill(value);
      for (const matrix of [quantizeInt8("w", values, [1, 40], 0, 0), quantizeInt4("w", values, [1, 40], 0)])
        for (const back of dequantize(matrix))
          expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-6 + 1e-38);
    }),
  );
});

test("zero points are packed two a byte for each output", () => {
  // Three blocks of each of two outputs, told apart by how much of their range is negative.
  const values = Float32Array.from({ length: 192 }, (_, i) =>
    i % 2 === 0 ? 1 : -Math.floor(i / blockSize) / 5,
  );
  const matrix = quantizeInt4("w", values, [2, 96], 0);
  const [a, b, c, d, e, f] = matrix.zeroPoints;
  expect(packedZeroPoints(matrix)).toEqual(Uint8Array.of(a! | (b! << 4), c!, d! | (e! << 4), f!));
});

test("bytes count scales and zero points", () => {
  const values = new Float32Array(64 * 96).fill(1);
  const bytes = (matrix: StoredMatrix): number => bytesOf(matrix);
  expect(bytes(toFloat16("w", values, [64, 96]))).toBe(64 * 96 * 2);
  expect(bytes(quantizeInt8("w", values, [64, 96], 0, 0))).toBe(64 * 96 + 64 * 4);
  expect(bytes(quantizeInt4("w", values, [64, 96], 0))).toBe((64 * 96) / 2 + 64 * 3 * 4 + 64 * 2);
});

for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38]) {
  test(`${bad} is refused, by the parameter's name`, () => {
    const values = Float32Array.of(1, 2, bad, 3);
    const refusal = { code: "engine/precision", place: "layer.weight" };
    const attempt = (quantize: () => unknown): void =>
      expect(quantize).toThrow(expect.objectContaining(refusal) as Error);
    attempt(() => quantizeInt8("layer.weight", values, [2, 2], 0, 0));
    attempt(() => quantizeInt8("layer.weight", values, [2, 2], 1, 128));
    attempt(() => quantizeInt4("layer.weight", values, [2, 2], 0));
    attempt(() => toFloat16("layer.weight", values, [2, 2]));
  });
}

test("float16 refuses what it cannot hold", () => {
  expect(() => toFloat16("w", Float32Array.of(70_000), [1, 1])).toThrow(/65504/);
  expect(dequantize(toFloat16("w", Float32Array.of(65_504, -0, 2 ** -24), [1, 3]))).toEqual(
    Float32Array.of(65_504, -0, 2 ** -24),
  );
});
