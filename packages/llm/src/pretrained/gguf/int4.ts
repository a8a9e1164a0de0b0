import type { Int4Rows } from "@corella/engine";
import type { BlockType } from "./dequantize.ts";
import { halves } from "./halves.ts";

/**
 * Blocks of Q4_0, and of Q4_1 where its minimum is a whole number of steps, as the engine's precision int4 holds them: the very
 * numbers. Undefined for other types, and for a Q4_1 block whose minimum lies between two steps.
 * @param bytes of whole blocks
 */
export function int4Rows({ name, bytes: blockBytes }: BlockType, bytes: Uint8Array): Int4Rows | undefined {
  if (name !== "Q4_0" && name !== "Q4_1") return undefined;
  const scales = halves(bytes, blockBytes, 0);
  const zeroPoints = new Uint8Array(scales.length).fill(8);
  if (name === "Q4_1") {
    for (const [block, minimum] of halves(bytes, blockBytes, 2).entries()) {
      const zeroPoint = minimum === 0 ? 0 : -minimum / scales[block]!;
      if (!Number.isInteger(zeroPoint) || zeroPoint < 0 || zeroPoint > 15) return undefined;
      zeroPoints[block] = zeroPoint;
    }
  }
  const codes = new Uint8Array(scales.length * 16);
  const quants = blockBytes - 16;
  for (let block = 0; block < scales.length; block++) {
    const from = block * blockBytes + quants;
    // The file has number i and number i + 16 in one byte, the engine two that follow each other.
    for (let i = 0; i < 8; i++) {
      const [first, second] = [bytes[from + 2 * i]!, bytes[from + 2 * i + 1]!];
      codes[block * 16 + i] = (first & 15) | ((second & 15) << 4);
      codes[block * 16 + 8 + i] = (first >>> 4) | (second & 0xf0);
    }
  }
  return { codes, scales, zeroPoints };
}
