/** Uniform integers in [0, bound), the same for the same seeds on every machine. */
export type RandomInteger = (bound: number) => number;

/** xoshiro128** (Blackman & Vigna 2018), seeded by splitmix32 over the given numbers. */
export function createRandomInteger(...seeds: number[]): RandomInteger {
  let mixed = 0x9e3779b9;
  const nextSeed = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  for (const seed of seeds)
    mixed = (nextSeed() ^ seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x27d4eb2f)) | 0;
  let [a, b, c, d] = [nextSeed(), nextSeed(), nextSeed(), nextSeed()];
  const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
  return (bound) => {
    const limit = 2 ** 32 - (2 ** 32 % bound); // rejection, so that no value is favoured
    for (;;) {
      const value = next();
      if (value < limit) return value % bound;
    }
  };
}

/** Fisher-Yates: every order equally likely. Returns a new array. */
export function shuffled(values: ArrayLike<number>, random: RandomInteger): Uint32Array {
  const result = Uint32Array.from(values);
  shuffleInPlace(result, random);
  return result;
}

/** Fisher-Yates in place. */
export function shuffleInPlace(values: Uint32Array, random: RandomInteger): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random(i + 1);
    const value = values[i]!;
    values[i] = values[j]!;
    values[j] = value;
  }
}
