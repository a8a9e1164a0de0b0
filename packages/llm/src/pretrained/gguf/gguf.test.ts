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

  test("Q5_0 and Q5_1: a fifth bit for each element, the first in the lowest", () => {
    const quant = (i: number): number => (i * 11) % 32;
    const fifths = counted(4, (byte) =>
      counted(8, (bit) => (quant(byte * 8 + bit) >>> 4) << bit).reduce((sum, bit) => sum | bit, 0),
    );
    const low = counted(16, (i) => (quant(i) & 15) | ((quant(i + 16) & 15) << 4));
    expect(decode(6, [...half(1), ...fifths, ...low])).toEqual(counted(32, (i) => 2 * (quant(i) - 16) + 0));
    expect(decode(7, [...half(1), ...half(-1), ...fifths, ...low])).toEqual(
      counted(32, (i) => 2 * quant(i) + 0.5),
    );
  });

  /** 2 bits of each of 256 elements: of 32 bytes, four groups of 32 elements one above the other. */
  const twoBits = (quant: (i: number) => number): number[] => {
    const bytes = counted(64, () => 0);
    for (let i = 0; i < 256; i++) {
      const within = i % 128;
      bytes[Math.floor(i / 128) * 32 + (within % 32)]! |= (quant(i) & 3) << (2 * Math.floor(within / 32));
    }
    return bytes;
  };

  test("Q2_K: sixteen groups with 4-bit scales and minima", () => {
    const quant = (i: number): number => Math.floor((i * 7) / 5) % 4;
    const scales = counted(16, (group) => group | ((15 - group) << 4));
    const bytes = [...scales, ...twoBits(quant), ...half(0), ...half(-1)];
    expect(decode(10, bytes)).toEqual(
      counted(256, (i) => {
        const group = Math.floor(i / 16);
        return group * quant(i) - (15 - group) / 2;
      }),
    );
  });

  test("Q3_K: 3-bit quants minus 4, sixteen 6-bit scales minus 32", () => {
    const quant = (i: number): number => Math.floor((i * 11) / 3) % 8;
    const scale = (group: number): number => (group * 13 + 5) % 64;
    const high = counted(32, (byte) =>
      counted(8, (group) => (quant(group * 32 + byte) >>> 2) << group).reduce((sum, bit) => sum | bit, 0),
    );
    const scales = [
      ...counted(8, (i) => (scale(i) & 15) | ((scale(i + 8) & 15) << 4)),
      ...counted(4, (i) =>
        [0, 4, 8, 12].reduce((sum, first) => sum | ((scale(first + i) >>> 4) << (first / 2)), 0),
      ),
    ];
    expect(decode(11, [...high, ...twoBits(quant), ...scales, ...half(-2)])).toEqual(
      counted(256, (i) => ((scale(Math.floor(i / 16)) - 32) * (quant(i) - 4)) / 4 + 0),
    );
  });

  test("Q5_K: as Q4_K, with a fifth bit for each group", () => {
    const quant = (i: number): number => Math.floor((i * 13) / 7) % 32;
    const [scale, minimum] = [(g: number): number => g * 7 + 3, (g: number): number => 63 - g * 5];
    const packed = [
      ...counted(4, (g) => scale(g) | ((scale(g + 4) >>> 4) << 6)),
      ...counted(4, (g) => minimum(g) | ((minimum(g + 4) >>> 4) << 6)),
      ...counted(4, (g) => (scale(g + 4) & 15) | ((minimum(g + 4) & 15) << 4)),
    ];
    const fifths = counted(32, (byte) =>
      counted(8, (group) => (quant(group * 32 + byte) >>> 4) << group).reduce((sum, bit) => sum | bit, 0),
    );
    const low = counted(128, (i) => {
      const first = Math.floor(i / 32) * 64 + (i % 32);
      return (quant(first) & 15) | ((quant(first + 32) & 15) << 4);
    });
    expect(decode(13, [...half(0), ...half(-1), ...packed, ...fifths, ...low])).toEqual(
      counted(256, (i) => {
        const group = Math.floor(i / 32);
        return scale(group) * quant(i) - minimum(group) / 2;
      }),
    );
  });

  // ggml's table of the values.
  const steps = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

  test("IQ4_NL: sixteen values of unequal steps", () => {
    expect(decode(20, [...half(-1), ...counted(16, (i) => i | ((15 - i) << 4))])).toEqual([
      ...steps.map((step) => step / 2),
      ...steps.toReversed().map((step) => step / 2),
    ]);
  });

  test("IQ4_XS: the same with eight 6-bit scales minus 32", () => {
    const scale = (group: number): number => (group * 11 + 6) % 64;
    const high = [0, 1].map((byte) =>
      counted(4, (i) => (scale(byte * 4 + i) >>> 4) << (2 * i)).reduce((sum, bits) => sum | bits, 0),
    );
    const low = counted(4, (i) => (scale(2 * i) & 15) | ((scale(2 * i + 1) & 15) << 4));
    const quants = counted(128, (i) => (i % 16) | (((i + 5) % 16) << 4));
    expect(decode(23, [...half(-1), ...high, ...low, ...quants])).toEqual(
      counted(256, (i) => {
        const group = Math.floor(i / 32);
        const at = i % 16;
        const step = steps[i % 32 < 16 ? at : (at + 5) % 16]!;
        return ((scale(group) - 32) * step) / 2;
      }),
    );
  });
});
