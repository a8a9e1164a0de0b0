import fc from "fast-check";
import { expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./half.ts";

const allPatterns = Uint16Array.from({ length: 65_536 }, (_, i) => i);

/** The value of a binary16 pattern by its definition in IEEE 754-2019, 3.4. */
function float16Value(bits: number): number {
  const sign = bits >>> 15 === 1 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
}

test("every float16 has the value of its definition, and survives the way back", () => {
  const values = float16ToFloat32(allPatterns);
  const back = float32ToFloat16(values);
  for (const bits of allPatterns) {
    const expected = float16Value(bits);
    if (!Object.is(values[bits], expected)) expect.fail(`${bits}: ${values[bits]} is not ${expected}`);
    if (Number.isNaN(expected)) expect(back[bits]! & 0x7fff).toBeGreaterThan(0x7c00);
    else if (back[bits] !== bits) expect.fail(`${bits} came back as ${back[bits]}`);
  }
});

test("every bfloat16 is the float32 with a zero lower half, and survives the way back", () => {
  const values = bfloat16ToFloat32(allPatterns);
  const patterns = new Uint32Array(values.buffer);
  const back = float32ToBfloat16(values);
  for (const bits of allPatterns) {
    if (patterns[bits] !== (bits << 16) >>> 0) expect.fail(`${bits}`);
    if (Number.isNaN(values[bits]!)) expect(back[bits]! & 0x7fff).toBeGreaterThan(0x7f80);
    else if (back[bits] !== bits) expect.fail(`${bits} came back as ${back[bits]}`);
  }
});

/** The pattern nearest to a finite value, the even one of two equally near ones, by trying both neighbours. */
function nearest(value: number, valueOf: (bits: number) => number, infinity: number): number {
  let low = 0;
  let high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (valueOf(middle) <= Math.abs(value)) low = middle;
    else high = middle;
  }
  // Rounding treats infinity as the next number that a larger exponent range would have.
  const top = high === infinity ? 2 * valueOf(low) - valueOf(low - 1) : valueOf(high);
  const below = Math.abs(value) - valueOf(low);
  const above = top - Math.abs(value);
  const bits = below < above || (below === above && low % 2 === 0) ? low : high;
  return bits | (value < 0 || Object.is(value, -0) ? 0x8000 : 0);
}

const float16Range = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ min: -66_000, max: 66_000, noNaN: true }),
  fc.float({ min: Math.fround(-1e-4), max: Math.fround(1e-4), noNaN: true }),
  // Exactly between two float16: the tie.
  fc.integer({ min: 0, max: 0x7bfe }).map((bits) => (float16Value(bits) + float16Value(bits + 1)) / 2),
);

test("float32 to float16 rounds to nearest, ties to even", () => {
  fc.assert(
    fc.property(float16Range, (value) => {
      expect(float32ToFloat16(Float32Array.of(value))[0]).toBe(nearest(value, float16Value, 0x7c00));
    }),
    { numRuns: 2000 },
  );
});

test("float32 to bfloat16 rounds to nearest, ties to even", () => {
  const valueOf = (bits: number): number => bfloat16ToFloat32(Uint16Array.of(bits))[0]!;
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(float32ToBfloat16(Float32Array.of(value))[0]).toBe(nearest(value, valueOf, 0x7f80));
    }),
    { numRuns: 2000 },
  );
});
