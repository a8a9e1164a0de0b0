import { createBitStream } from "@corella/random";

/** Words that are drawn together: they stay in the processor's first cache. */
const block = 1024;

/** Fills an array with `centre + (2 u - 1) limit`, u as `Generator.uniform` gives it. */
export function fillUniform(
  values: Float32Array,
  seed: number,
  purpose: string,
  centre: number,
  limit: number,
): Float32Array {
  const next = createBitStream(seed, purpose);
  const words = new Int32Array(block);
  for (let start = 0; start < values.length; start += block) {
    next(words);
    const end = Math.min(start + block, values.length);
    for (let i = start, j = 0; i < end; i++, j++)
      values[i] = centre + (2 * ((words[j]! >>> 0) / 4294967296) - 1) * limit;
  }
  return values;
}

const cells = 512;
/** For each cell of [1, 2), 1 / centre and the logarithm of the centre. */
const reciprocals = Float64Array.from({ length: cells }, (_, i) => 1 / (1 + (i + 0.5) / cells));
const logarithms = reciprocals.map((reciprocal) => -Math.log(reciprocal));
const arcs = 1024;
/** For each arc, cosine and sine of its middle. */
const cosines = Float64Array.from({ length: arcs }, (_, i) => Math.cos((2 * Math.PI * i) / arcs));
const sines = Float64Array.from({ length: arcs }, (_, i) => Math.sin((2 * Math.PI * i) / arcs));

/**
 * `std z`, z as `Generator.normal` gives it, to the last bit of its float32, at a fraction of its cost.
 *
 * Nearly all of that cost are a logarithm, a cosine and a sine (Box-Muller). Here they come from tables and short series:
 * - ln(1 - u) with 1 - u = x 2^e and x in [1, 2): r = x / centre - 1, |r| < 2^-10, ln(1 + r) to r^5 (next: 2^-62). Its
 *   rounding errors sum up to less than 2^-51; u < 1/128, where that is not small beside ln(1 - u) > 2^-7, takes the library.
 * - 2 pi u = arc + b, |b| < 2^-8: cos b and sin b to b^5 (next: 2^-57), then the addition theorems.
 * Both are exact to 2^-44 of the radius, the library's own error included. Where a float32 might be another one within
 * that, one number in 10^5, it is computed as `Generator.normal` does (Ziv 1991, ACM TOMS 17:3).
 */
export function fillNormal(values: Float32Array, seed: number, purpose: string, std: number): Float32Array {
  const next = createBitStream(seed, purpose);
  const words = new Int32Array(block);
  for (let start = 0; start < values.length; start += block) {
    next(words);
    const count = Math.min(block, values.length - start);
    for (let j = 0; j < count; j += 2) {
      const first = words[j]!;
      const second = words[j + 1]!;
      let cosine = Number.NaN;
      let sine = Number.NaN;
      let doubt = 0;
      if (first >>> 0 >= 2 ** 25) {
        // 1 - u = -first / 2^32 in unsigned numbers of 32 bits.
        const leading = Math.clz32(-first);
        const shifted = -first << leading;
        const cell = (shifted >>> 22) & (cells - 1);
        const r = ((shifted >>> 0) / 2 ** 31) * reciprocals[cell]! - 1;
        const series = r - r * r * (1 / 2 - r * (1 / 3 - r * (1 / 4 - r * (1 / 5))));
        const logarithm = series + logarithms[cell]! - (leading + 1) * Math.LN2;
        const radius = Math.sqrt(-2 * logarithm) * std;

        const arc = (second + 2 ** 21) >>> 22;
        const b = ((second - (arc << 22)) | 0) * ((2 * Math.PI) / 4294967296);
        const square = b * b;
        const sinB = b - b * square * (1 / 6 - square / 120);
        const cosB = 1 - square * (1 / 2 - square / 24);
        cosine = radius * (cosines[arc]! * cosB - sines[arc]! * sinB);
        sine = radius * (sines[arc]! * cosB + cosines[arc]! * sinB);
        doubt = Math.abs(radius) * 2 ** -44;
      }
      const i = start + j;
      const sure =
        Math.fround(cosine - doubt) === Math.fround(cosine + doubt) &&
        Math.fround(sine - doubt) === Math.fround(sine + doubt);
      if (!sure) {
        const radius = Math.sqrt(-2 * Math.log(1 - (first >>> 0) / 4294967296));
        const angle = 2 * Math.PI * ((second >>> 0) / 4294967296);
        cosine = radius * Math.cos(angle) * std;
        sine = radius * Math.sin(angle) * std;
      }
      values[i] = cosine;
      if (j + 1 < count) values[i + 1] = sine;
    }
  }
  return values;
}
