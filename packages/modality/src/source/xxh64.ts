// XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md) with seed 0, on 32-bit halves: the check sum of zstd
// frames is its low half (RFC 8878, 3.1.1). Numbers of 64 bits lie in an Int32Array as high, low.

/** Halves of the five primes: high, low. */
const primes = [
  0x9e3779b1, 0x85ebca87, 0xc2b2ae3d, 0x27d4eb4f, 0x165667b1, 0x9e3779f9, 0x85ebca77, 0xc2b2ae63, 0x27d4eb2f,
  0x165667c5,
];

/** A running XXH64 over pieces of bytes. */
export class Xxh64 {
  readonly #state = Int32Array.of(
    ...sum(prime(1), prime(2)),
    ...prime(2),
    0,
    0,
    ...sum([0, 0], negative(prime(1))),
  );
  readonly #rest = Buffer.alloc(32);
  #restLength = 0;
  #total = 0;

  update(bytes: Uint8Array): void {
    this.#total += bytes.length;
    let at = 0;
    if (this.#restLength > 0) {
      const taken = Math.min(32 - this.#restLength, bytes.length);
      this.#rest.set(bytes.subarray(0, taken), this.#restLength);
      this.#restLength += taken;
      at = taken;
      if (this.#restLength < 32) return;
      this.#stripes(this.#rest, 0, 32);
    }
    const end = at + 32 * Math.floor((bytes.length - at) / 32);
    this.#stripes(bytes, at, end);
    this.#restLength = bytes.length - end;
    this.#rest.set(bytes.subarray(end), 0);
  }

  /** The hash, as high and low half. */
  digest(): [high: number, low: number] {
    let hash: Halves;
    const lane = (index: number): Halves => [this.#state[2 * index]!, this.#state[2 * index + 1]!];
    if (this.#total >= 32) {
      hash = [0, 0];
      for (const [index, bits] of [1, 7, 12, 18].entries()) hash = sum(hash, rotate(lane(index), bits));
      for (let index = 0; index < 4; index++) {
        const round = product(rotate(product(lane(index), prime(2)), 31), prime(1));
        hash = sum(product(xor(hash, round), prime(1)), prime(4));
      }
    } else hash = prime(5);
    hash = sum(hash, [Math.floor(this.#total / 2 ** 32), this.#total | 0]);
    let at = 0;
    for (; at + 8 <= this.#restLength; at += 8) {
      const input: Halves = [this.#rest.readInt32LE(at + 4), this.#rest.readInt32LE(at)];
      const round = product(rotate(product(input, prime(2)), 31), prime(1));
      hash = sum(product(rotate(xor(hash, round), 27), prime(1)), prime(4));
    }
    if (at + 4 <= this.#restLength) {
      const round = product([0, this.#rest.readInt32LE(at)], prime(1));
      hash = sum(product(rotate(xor(hash, round), 23), prime(2)), prime(3));
      at += 4;
    }
    for (; at < this.#restLength; at++) {
      hash = product(rotate(xor(hash, product([0, this.#rest[at]!], prime(5))), 11), prime(1));
    }
    hash = product(xor(hash, shiftRight(hash, 33)), prime(2));
    hash = product(xor(hash, shiftRight(hash, 29)), prime(3));
    const [high, low] = xor(hash, shiftRight(hash, 32));
    return [high >>> 0, low >>> 0];
  }

  /** Rounds of whole stripes of 32 bytes; products written out, for this is where the time goes. */
  #stripes(bytes: Uint8Array, start: number, end: number): void {
    const state = this.#state;
    const [p1High, p1Low] = prime(1);
    const [p2High, p2Low] = prime(2);
    for (let at = start; at < end; at += 8) {
      const lane = ((at - start) >> 2) & 6;
      const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
      const scaledLow = Math.imul(low, p2Low);
      const scaledHigh = highProduct(low, p2Low) + Math.imul(high, p2Low) + Math.imul(low, p2High);
      const addedLow = (state[lane + 1]! >>> 0) + (scaledLow >>> 0);
      const addedHigh = (state[lane]! + scaledHigh + (addedLow > 0xffffffff ? 1 : 0)) | 0;
      // Rotated left by 31.
      const turnedHigh = (addedHigh << 31) | ((addedLow | 0) >>> 1);
      const turnedLow = ((addedLow | 0) << 31) | (addedHigh >>> 1);
      state[lane + 1] = Math.imul(turnedLow, p1Low);
      state[lane] =
        highProduct(turnedLow, p1Low) + Math.imul(turnedHigh, p1Low) + Math.imul(turnedLow, p1High);
    }
  }
}

type Halves = [high: number, low: number];

function prime(number: 1 | 2 | 3 | 4 | 5): Halves {
  return [primes[2 * number - 2]!, primes[2 * number - 1]!];
}

/** The high half of the product of two unsigned numbers of 32 bits. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  return (aHigh * bHigh + (middle >>> 16) + ((aLow * bHigh + (middle & 0xffff)) >>> 16)) | 0;
}

function product([aHigh, aLow]: Halves, [bHigh, bLow]: Halves): Halves {
  const high = highProduct(aLow, bLow) + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh);
  return [high | 0, Math.imul(aLow, bLow)];
}

function sum([aHigh, aLow]: Halves, [bHigh, bLow]: Halves): Halves {
  const low = (aLow >>> 0) + (bLow >>> 0);
  return [(aHigh + bHigh + (low > 0xffffffff ? 1 : 0)) | 0, low | 0];
}

function negative([high, low]: Halves): Halves {
  return sum([~high, ~low], [0, 1]);
}

function xor([aHigh, aLow]: Halves, [bHigh, bLow]: Halves): Halves {
  return [aHigh ^ bHigh, aLow ^ bLow];
}

function rotate([high, low]: Halves, bits: number): Halves {
  return [(high << bits) | (low >>> (32 - bits)), (low << bits) | (high >>> (32 - bits))];
}

function shiftRight([high, low]: Halves, bits: number): Halves {
  return bits >= 32
    ? [0, bits === 32 ? high : high >>> (bits - 32)]
    : [high >>> bits, (low >>> bits) | (high << (32 - bits))];
}
