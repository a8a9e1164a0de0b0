/**
 * A seeded stream of whole numbers in [0, limit): sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state.
 * Scaling 32 bits by multiplication is uneven by less than limit / 2^32, nothing for the row numbers it is for.
 */
export function randomIntegers(seed: number): (limit: number) => number {
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = 0x2545_f491;
  let counter = 1;
  function next(): number {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  }
  // Seeds that differ in one bit diverge after a dozen steps.
  for (let i = 0; i < 16; i++) next();
  return (limit) => Math.floor((next() / 2 ** 32) * limit);
}
