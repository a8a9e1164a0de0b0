import { describe, expect, test } from "vitest";
import { blockTypes } from "./dequantize.ts";

/** Bits of a float16 that is a power of two. */
function half(exponent: number): [number, number] {
  const bits = (exponent + 15) << 10;
  return [bits & 255, bits >>> 8];
}

function decode(type: number, bytes: readonly number[]): number[] {
  const block = blockTypes[type]!;
  expect(bytes.length).toBe(block.bytes);
  const out = new Float32Array(block.elements);
  block.decode(Uint8Array.from(bytes), out);
  // Not to distinguish 0 and -0.
  return [...out].map((value) => value + 0);
}

const counted = (length: number, value: (i: number) => number): number[] =>
  Array.from({ length }, (_, i) => value(i));

describe("blocks by their definitions", () => {
  test("Q4_0: (quant - 8) * scale, low halves first", () => {
    const out = decode(2, [...half(-1), ...counted(16, (i) => i | ((15 - i) << 4))]);
    expect(out).toEqual([...counted(16, (i) => (i - 8) / 2), ...counted(16, (i) => (7 - i) / 2)]);
  });

  test("Q4_1: quant * scale + minimum", () => {
    const out = decode(3, [...half(1), ...half(0), ...counted(16, (i) => i)]);
    expect(out).toEqual([...counted(16, (i) => 2 * i + 1), ...counted(16, () => 1)]);
  });

  test("Q8_0: signed byte * scale", () => {
    expect(decode(8, [...half(-2), ...counted(32, (i) => (i - 16) & 255)])).toEqual(
      counted(32, (i) => (i - 16) / 4),
    );
  });

  test("Q4_K: eight groups with 6-bit scales and minima", () => {
    // Group g has scale g + 17 and minimum g + 40; both exceed 4 bits, so that the top bits are read too.
    const scale = (g: number): number => g + 17;
    const minimum = (g: number): number => g + 40;
    const packed = [
      ...counted(4, (g) => scale(g) | ((scale(g + 4) >>> 4) << 6)),
      ...counted(4, (g) => minimum(g) | ((minimum(g + 4) >>> 4) << 6)),
      ...counted(4, (g) => (scale(g + 4) & 15) | ((minimum(g + 4) & 15) << 4)),
    ];
    const quants = counted(128, (i) => (i % 16) | ((15 - (i % 16)) << 4));
    const out = decode(12, [...half(0), ...half(-1), ...packed, ...quants]);
    expect(out).toEqual(
      counted(256, (i) => {
        const group = Math.floor(i / 32);
        const quant = group % 2 === 0 ? i % 16 : 15 - (i % 16);
        return scale(group) * quant - minimum(group) / 2;
      }),
    );
  });

  test("Q6_K: 6-bit quants minus 32, a signed scale for each 16", () => {
    const quant = (i: number): number => (i * 7) % 64;
    const low = counted(128, () => 0);
    const high = counted(64, () => 0);
    for (let i = 0; i < 256; i++) {
      const within = i % 128;
      const quarter = Math.floor(within / 32);
      const base = Math.floor(i / 128);
      low[base * 64 + (quarter % 2) * 32 + (i % 32)]! |= (quant(i) & 15) << (quarter < 2 ? 0 : 4);
      high[base * 32 + (i % 32)]! |= (quant(i) >>> 4) << (quarter * 2);
    }
    const scale = (group: number): number => group - 8;
    const bytes = [...low, ...high, ...counted(16, (group) => scale(group) & 255), ...half(-3)];
    expect(decode(14, bytes)).toEqual(
      counted(256, (i) => (scale(Math.floor(i / 16)) * (quant(i) - 32)) / 8 + 0),
    );
  });
});
