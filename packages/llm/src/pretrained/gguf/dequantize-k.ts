import { halves } from "./halves.ts";

/**
 * 16 bytes of a scale (low half) and a minimum (high half) for each 16 elements, 64 bytes of quants, scale, scale of the
 * minima. Of each 32 bytes of quants the lowest 2 bits are one group of 32 elements, the next 2 bits the next.
 */
export function decodeQ2K(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 84, 80);
  const minimumScale = halves(bytes, 84, 82);
  for (let block = 0; block < scale.length; block++) {
    const start = block * 84;
    for (let i = 0; i < 256; i++) {
      const pair = bytes[start + (i >>> 4)]!;
      const quant = twoBits(bytes, start + 16, i);
      out[block * 256 + i] = scale[block]! * (pair & 15) * quant - minimumScale[block]! * (pair >>> 4);
    }
  }
}

/**
 * 32 bytes of high bits, a bit of each for each group of 32 elements; 64 bytes of low 2 bits as in Q2_K; sixteen 6-bit scales,
 * minus 32, in 12 bytes; a scale of them. Quants minus 4.
 */
export function decodeQ3K(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 110, 108);
  for (let block = 0; block < scale.length; block++) {
    const start = block * 110;
    const scales = start + 96;
    for (let i = 0; i < 256; i++) {
      const group = i >>> 4;
      // Low 4 bits of the first eight in the low halves of 8 bytes, of the others in the high halves; top 2 bits after them.
      const low = (bytes[scales + (group & 7)]! >>> (group < 8 ? 0 : 4)) & 15;
      const top = (bytes[scales + 8 + (group & 3)]! >>> ((group >>> 2) * 2)) & 3;
      const high = (bytes[start + (i & 31)]! >>> (i >>> 5)) & 1;
      const quant = twoBits(bytes, start + 32, i) | (high << 2);
      out[block * 256 + i] = scale[block]! * ((low | (top << 4)) - 32) * (quant - 4);
    }
  }
}

/** Element i of 64 bytes of four quants each. */
function twoBits(bytes: Uint8Array, from: number, i: number): number {
  return (bytes[from + (i >>> 7) * 32 + (i & 31)]! >>> (((i >>> 5) & 3) * 2)) & 3;
}

/** One of the eight 6-bit pairs in 12 bytes of Q4_K and Q5_K. */
function scaleAndMinimum(
  bytes: Uint8Array,
  packed: number,
  group: number,
): readonly [scale: number, minimum: number] {
  const low = bytes[packed + group]!;
  const high = bytes[packed + group + 4]!;
  if (group < 4) return [low & 63, high & 63];
  // The last four pairs have their low 4 bits together and their top 2 bits in the first eight bytes.
  return [(high & 15) | ((bytes[packed + group - 4]! >>> 6) << 4), (high >>> 4) | ((low >>> 6) << 4)];
}

/** The layout of Q4_K, with 32 bytes of fifth bits before the quants: a bit of each for each group of 32 elements. */
export function decodeQ5K(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 176, 0);
  const minimumScale = halves(bytes, 176, 2);
  for (let block = 0; block < scale.length; block++) {
    const packed = block * 176 + 4;
    const fifths = packed + 12;
    for (let group = 0; group < 8; group++) {
      const [s, m] = scaleAndMinimum(bytes, packed, group);
      const d = scale[block]! * s;
      const offset = minimumScale[block]! * m;
      const from = fifths + 32 + (group >>> 1) * 32;
      for (let i = 0; i < 32; i++) {
        const low = (bytes[from + i]! >>> ((group & 1) * 4)) & 15;
        const fifth = (bytes[fifths + i]! >>> group) & 1;
        out[block * 256 + group * 32 + i] = d * (low | (fifth << 4)) - offset;
      }
    }
  }
}

/**
 * scale, scale of the minima, eight 6-bit (scale, minimum) pairs in 12 bytes, then 128 bytes: of each 32 bytes the low
 * halves are one group of 32 elements and the high halves the next.
 */
export function decodeQ4K(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 144, 0);
  const minimumScale = halves(bytes, 144, 2);
  for (let block = 0; block < scale.length; block++) {
    const packed = block * 144 + 4;
    const quants = packed + 12;
    for (let group = 0; group < 8; group++) {
      const [s, m] = scaleAndMinimum(bytes, packed, group);
      const d = scale[block]! * s;
      const offset = minimumScale[block]! * m;
      const from = quants + (group >>> 1) * 32;
      const shift = (group & 1) * 4;
      const to = block * 256 + group * 32;
      for (let i = 0; i < 32; i++) out[to + i] = d * ((bytes[from + i]! >>> shift) & 15) - offset;
    }
  }
}

/** 128 bytes of low 4 bits, 64 bytes of high 2 bits, 16 signed scales, a scale of them; minus 32. */
export function decodeQ6K(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 210, 208);
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0; block < scale.length; block++) {
    const start = block * 210;
    for (let half = 0; half < 2; half++) {
      const low = start + half * 64;
      const high = start + 128 + half * 32;
      const scales = start + 192 + half * 8;
      const to = block * 256 + half * 128;
      for (let quarter = 0; quarter < 4; quarter++) {
        const lowFrom = low + (quarter & 1) * 32;
        const lowShift = (quarter >>> 1) * 4;
        for (let i = 0; i < 32; i++) {
          const bits =
            ((bytes[lowFrom + i]! >>> lowShift) & 15) | (((bytes[high + i]! >>> (quarter * 2)) & 3) << 4);
          out[to + quarter * 32 + i] =
            scale[block]! * signed[scales + quarter * 2 + (i >>> 4)]! * (bits - 32);
        }
      }
    }
  }
}
