/**
 * Seeded random numbers. A stream is named by (seed, purpose, position), so nothing has to be stored to resume:
 * the masks of step 1,000 are those of step 1,000 in every run.
 */
export interface Generator {
  /** 32 random bits as an unsigned integer. */
  bits(): number;
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** Uniform integer in [0, limit), limit at most 2^32: no value is favoured. */
  integer(limit: number): number;
}

/**
 * A stream of seeded random numbers, named by (seed, purpose, position): the same name gives the same numbers.
 * Source: xoshiro128** (Blackman & Vigna 2018).
 * @example
 * ```ts
 * import { createGenerator, permutation } from "@corella/random";
 *
 * // The same seed and name give the same order everywhere.
 * const order = permutation(5, createGenerator(1, "example"));
 * console.log(order.toSorted().join(" ")); // 0 1 2 3 4
 * ```
 */
export function createGenerator(seed: number, purpose: string, position = 0): Generator {
  const state = streamState(seed, purpose, position);
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  const bits = (): number => {
    let result = Math.imul(b, 5);
    result = Math.imul((result << 7) | (result >>> 25), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
  let spare: number | undefined;
  const uniform = (): number => bits() / 4294967296;
  return {
    bits,
    uniform,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    integer(limit) {
      for (;;) {
        const word = bits();
        // The lower half of word * limit tells the words that would favour a value (Lemire 2019, ACM TOMACS 29:1).
        const lower = Math.imul(word, limit) >>> 0;
        if (lower >= limit || lower >= 4294967296 % limit) return Math.floor((word / 4294967296) * limit);
      }
    },
  };
}

/** The state of a stream at its beginning, filled by splitmix32 from a hash of the stream's name. */
function streamState(seed: number, purpose: string, position: number): Int32Array {
  let h = hash(`${seed}/${purpose}/${position}`);
  const next32 = (): number => {
    h = (h + 0x9e3779b9) | 0;
    let z = h ^ (h >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return z ^ (z >>> 15);
  };
  return Int32Array.of(next32(), next32(), next32(), next32() | 1);
}

/**
 * A stream of random 32-bit words in bulk: each call of the result fills an array with the next draws of
 * `Generator.bits` of the same seed, purpose and position, several times as fast.
 */
export function createBitStream(seed: number, purpose: string, position = 0): (words: Int32Array) => void {
  const state = streamState(seed, purpose, position);
  return (words) => {
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    for (let i = 0; i < words.length; i++) {
      const scrambled = Math.imul(b, 5);
      words[i] = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
  };
}

/** A random permutation of 0..size-1. */
export function permutation(size: number, generator: Generator): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  shuffle(order, generator);
  return order;
}

/** Puts values in a random order, in place: every order is equally likely (Fisher-Yates). */
export function shuffle(values: Uint32Array, generator: Generator): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = generator.integer(i + 1);
    const swapped = values[i]!;
    values[i] = values[j]!;
    values[j] = swapped;
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
