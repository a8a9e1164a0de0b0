/**
 * Rotation by blocks along the inputs of a product: x W^T = (x H)(W H)^T for an orthogonal H. A block of a Hadamard matrix
 * spreads an outlier over all its inputs, so that rounding to 8 bits loses much less (Ashkboos et al. 2024, QuaRot).
 */

const largestBlock = 64;

/** Inputs that are mixed: the largest power of two up to 64 that divides their number; 1 where nothing is. */
export function rotationBlock(inputs: number): number {
  let block = largestBlock;
  while (inputs % block !== 0) block /= 2;
  return block;
}

/** Sylvester's Hadamard matrix divided by sqrt(size), [size, size]: symmetric, and its own inverse. */
export function rotationMatrix(size: number): Float32Array {
  return Float32Array.from({ length: size * size }, (_, i) => {
    let common = Math.floor(i / size) & (i % size);
    let sign = 1;
    for (; common > 0; common >>= 1) if ((common & 1) === 1) sign = -sign;
    return sign / Math.sqrt(size);
  });
}

/** Rotates `count` numbers in place, block by block, by the fast Walsh-Hadamard transform. Twice is the identity. */
export function rotate(values: Float64Array, count: number): void {
  const block = rotationBlock(count);
  const scale = 1 / Math.sqrt(block);
  let half = 1;
  // Two passes at once where a block has four numbers or more: half of the reads, and no loop of one turn.
  for (; 4 * half <= block; half *= 4) {
    for (let start = 0; start < count; start += 4 * half) {
      for (let i = start; i < start + half; i++) {
        const a = values[i]!;
        const b = values[i + half]!;
        const c = values[i + 2 * half]!;
        const d = values[i + 3 * half]!;
        values[i] = a + b + (c + d);
        values[i + half] = a - b + (c - d);
        values[i + 2 * half] = a + b - (c + d);
        values[i + 3 * half] = a - b - (c - d);
      }
    }
  }
  if (half < block) {
    for (let start = 0; start < count; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = values[i]!;
        const b = values[i + half]!;
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
  for (let i = 0; i < count; i++) values[i]! *= scale;
}
