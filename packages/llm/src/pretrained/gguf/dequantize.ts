import { bfloat16ToFloat32, float16ToFloat32 } from "@corella/safetensors";

/** How ggml stores a number of elements together. Layouts: ggml-common.h and the `dequantize_row_*` functions. */
export interface BlockType {
  readonly name: string;
  /** Elements of a block. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Writes all blocks of `bytes` as float32. */
  readonly decode: (bytes: Uint8Array, out: Float32Array) => void;
}

/** The element types that are read, with their layouts, by ggml's number of the type. */
export const blockTypes: Readonly<Record<number, BlockType>> = {
  0: { name: "F32", elements: 1, bytes: 4, decode: (bytes, out) => out.set(new Float32Array(copied(bytes))) },
  1: {
    name: "F16",
    elements: 1,
    bytes: 2,
    decode: (bytes, out) => out.set(float16ToFloat32(new Uint16Array(copied(bytes)))),
  },
  2: { name: "Q4_0", elements: 32, bytes: 18, decode: decodeQ4Symmetric },
  3: { name: "Q4_1", elements: 32, bytes: 20, decode: decodeQ4Offset },
  8: { name: "Q8_0", elements: 32, bytes: 34, decode: decodeQ8 },
  12: { name: "Q4_K", elements: 256, bytes: 144, decode: decodeQ4K },
  14: { name: "Q6_K", elements: 256, bytes: 210, decode: decodeQ6K },
  30: {
    name: "BF16",
    elements: 1,
    bytes: 2,
    decode: (bytes, out) => out.set(bfloat16ToFloat32(new Uint16Array(copied(bytes)))),
  },
};

/** ggml's names of element types that are not read, by number. */
const otherTypes: Readonly<Record<number, string>> = {
  6: "Q5_0",
  7: "Q5_1",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  13: "Q5_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

/** What an element type that is not read is called in errors: ggml's name, or its number. */
export function typeName(type: number): string {
  return otherTypes[type] ?? `number ${type}`;
}

/** The bytes at the start of a buffer of their own, where any typed array may lie. */
function copied(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

/** The float16 numbers at `offset` of every block. */
function halves(bytes: Uint8Array, blockBytes: number, offset: number): Float32Array {
  const bits = new Uint16Array(bytes.length / blockBytes);
  for (let i = 0; i < bits.length; i++) {
    const at = i * blockBytes + offset;
    bits[i] = bytes[at]! | (bytes[at + 1]! << 8);
  }
  return float16ToFloat32(bits);
}

/** scale, then 16 bytes: element i in the low half of byte i, element i + 16 in the high half; minus 8. */
function decodeQ4Symmetric(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 18, 0);
  for (let block = 0; block < scale.length; block++) {
    const from = block * 18 + 2;
    const to = block * 32;
    const d = scale[block]!;
    for (let i = 0; i < 16; i++) {
      const byte = bytes[from + i]!;
      out[to + i] = d * ((byte & 15) - 8);
      out[to + 16 + i] = d * ((byte >>> 4) - 8);
    }
  }
}

/** scale, minimum, then 16 bytes as in Q4_0. */
function decodeQ4Offset(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 20, 0);
  const minimum = halves(bytes, 20, 2);
  for (let block = 0; block < scale.length; block++) {
    const from = block * 20 + 4;
    const to = block * 32;
    const d = scale[block]!;
    const m = minimum[block]!;
    for (let i = 0; i < 16; i++) {
      const byte = bytes[from + i]!;
      out[to + i] = d * (byte & 15) + m;
      out[to + 16 + i] = d * (byte >>> 4) + m;
    }
  }
}

/** scale, then 32 signed bytes. */
function decodeQ8(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 34, 0);
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0; block < scale.length; block++) {
    const from = block * 34 + 2;
    const to = block * 32;
    const d = scale[block]!;
    for (let i = 0; i < 32; i++) out[to + i] = d * signed[from + i]!;
  }
}

/**
 * scale, scale of the minima, eight 6-bit (scale, minimum) pairs in 12 bytes, then 128 bytes: of each 32 bytes the low
 * halves are one group of 32 elements and the high halves the next.
 */
function decodeQ4K(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 144, 0);
  const minimumScale = halves(bytes, 144, 2);
  for (let block = 0; block < scale.length; block++) {
    const packed = block * 144 + 4;
    const quants = packed + 12;
    for (let group = 0; group < 8; group++) {
      const low = bytes[packed + group]!;
      const high = bytes[packed + group + 4]!;
      // The last four pairs have their low 4 bits together and their top 2 bits in the first eight bytes.
      const s = group < 4 ? low & 63 : (high & 15) | ((bytes[packed + group - 4]! >>> 6) << 4);
      const m = group < 4 ? high & 63 : (high >>> 4) | ((low >>> 6) << 4);
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
function decodeQ6K(bytes: Uint8Array, out: Float32Array): void {
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
