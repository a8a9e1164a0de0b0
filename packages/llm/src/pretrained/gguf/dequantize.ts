import { bfloat16ToFloat32, float16ToFloat32 } from "@corella/safetensors";
import { decodeQ2K, decodeQ3K, decodeQ4K, decodeQ5K, decodeQ6K } from "./dequantize-k.ts";
import { halves } from "./halves.ts";

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
  6: { name: "Q5_0", elements: 32, bytes: 22, decode: decodeQ5Symmetric },
  7: { name: "Q5_1", elements: 32, bytes: 24, decode: decodeQ5Offset },
  8: { name: "Q8_0", elements: 32, bytes: 34, decode: decodeQ8 },
  10: { name: "Q2_K", elements: 256, bytes: 84, decode: decodeQ2K },
  11: { name: "Q3_K", elements: 256, bytes: 110, decode: decodeQ3K },
  12: { name: "Q4_K", elements: 256, bytes: 144, decode: decodeQ4K },
  13: { name: "Q5_K", elements: 256, bytes: 176, decode: decodeQ5K },
  14: { name: "Q6_K", elements: 256, bytes: 210, decode: decodeQ6K },
  20: { name: "IQ4_NL", elements: 32, bytes: 18, decode: decodeIQ4 },
  23: { name: "IQ4_XS", elements: 256, bytes: 136, decode: decodeIQ4Scaled },
  30: {
    name: "BF16",
    elements: 1,
    bytes: 2,
    decode: (bytes, out) => out.set(bfloat16ToFloat32(new Uint16Array(copied(bytes)))),
  },
};

/** ggml's names of element types that are not read, by number. */
const otherTypes: Readonly<Record<number, string>> = {
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  21: "IQ3_S",
  22: "IQ2_S",
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

/** scale, 32 fifth bits, then 16 bytes as in Q4_0; minus 16. */
function decodeQ5Symmetric(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 22, 0);
  for (let block = 0; block < scale.length; block++) {
    const from = block * 22 + 2;
    const d = scale[block]!;
    for (let i = 0; i < 32; i++) out[block * 32 + i] = d * (fiveBits(bytes, from, i) - 16);
  }
}

/** scale, minimum, 32 fifth bits, then 16 bytes as in Q4_0. */
function decodeQ5Offset(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 24, 0);
  const minimum = halves(bytes, 24, 2);
  for (let block = 0; block < scale.length; block++) {
    const from = block * 24 + 4;
    const d = scale[block]!;
    const m = minimum[block]!;
    for (let i = 0; i < 32; i++) out[block * 32 + i] = d * fiveBits(bytes, from, i) + m;
  }
}

/** Element i of 4 bytes of fifth bits, the first in the lowest, and 16 bytes of the other four. */
function fiveBits(bytes: Uint8Array, from: number, i: number): number {
  const fifth = (bytes[from + (i >>> 3)]! >>> (i & 7)) & 1;
  const byte = bytes[from + 4 + (i & 15)]!;
  return (i < 16 ? byte & 15 : byte >>> 4) | (fifth << 4);
}

/** The values of the 16 quants of IQ4: closer to each other near 0. */
const unequalSteps = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** 16 bytes of quants as in Q4_0, each standing for one of the unequal steps. */
function decodeSteps(bytes: Uint8Array, from: number, scale: number, out: Float32Array, to: number): void {
  for (let i = 0; i < 16; i++) {
    const byte = bytes[from + i]!;
    out[to + i] = scale * unequalSteps[byte & 15]!;
    out[to + 16 + i] = scale * unequalSteps[byte >>> 4]!;
  }
}

/** scale, then the quants. */
function decodeIQ4(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 18, 0);
  scale.forEach((d, block) => decodeSteps(bytes, block * 18 + 2, d, out, block * 32));
}

/**
 * scale, the top 2 bits of eight 6-bit scales in 2 bytes, their low 4 bits in 4 bytes, then the quants of eight groups;
 * the groups' scales minus 32.
 */
function decodeIQ4Scaled(bytes: Uint8Array, out: Float32Array): void {
  const scale = halves(bytes, 136, 0);
  for (let block = 0; block < scale.length; block++) {
    const start = block * 136;
    for (let group = 0; group < 8; group++) {
      const low = (bytes[start + 4 + (group >>> 1)]! >>> ((group & 1) * 4)) & 15;
      const high = (bytes[start + 2 + (group >>> 2)]! >>> ((group & 3) * 2)) & 3;
      const d = scale[block]! * ((low | (high << 4)) - 32);
      decodeSteps(bytes, start + 8 + group * 16, d, out, block * 256 + group * 32);
    }
  }
}
