import { createBitStream } from "@corella/random";

/** The probability of keeping an element at a dropout rate: the nearest multiple of 1/256. */
export function keepOf(rate: number): number {
  return Math.round((1 - rate) * 256) / 256;
}

/**
 * The bits of one dropout mask at one step, equal in every run with the seed: element i is kept where byte i of the
 * stream is below 256 keep.
 * @returns 1 where an element is kept, [size]
 */
export function maskBits(
  mask: { readonly name: string; readonly keep: number },
  size: number,
  seed: number,
  step: number,
): Uint8Array {
  const threshold = Math.round(mask.keep * 256);
  const words = new Int32Array(Math.ceil(size / 4));
  createBitStream(seed, `dropout/${mask.name}`, step)(words);
  // Four bytes are compared at once: for n up to 128, the top bit of n + 127 - (byte & 127) tells whether the lower seven
  // bits are below n, and no byte borrows from the next. Above 128, b < n is the contrary of 255 - b < 256 - n.
  const flip = threshold > 128 ? -1 : 0;
  const minuend = Math.imul(0x01010101, 127 + (flip === 0 ? threshold : 256 - threshold));
  for (let i = 0; i < words.length; i++) {
    const word = words[i]! ^ flip;
    const below = (minuend - (word & 0x7f7f7f7f)) & ~word;
    words[i] = ((below ^ flip) >>> 7) & 0x01010101;
  }
  return new Uint8Array(words.buffer, 0, size);
}
