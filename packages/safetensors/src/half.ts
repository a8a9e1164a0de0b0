// IEEE 754 binary16 and bfloat16 against binary32, on bit patterns: JavaScript engines may canonicalise a NaN
// that passes through a number, so the conversions never make one.

let float16Table: Uint32Array | undefined;

/** The float32 bit patterns of all 65,536 float16 values (256 KiB, made at the first use). */
function float32BitsOfFloat16(): Uint32Array {
  if (float16Table !== undefined) return float16Table;
  const table = new Uint32Array(65_536);
  for (let half = 0; half < 65_536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 0x1f;
    const mantissa = half & 0x3ff;
    let bits: number;
    if (exponent === 0x1f) {
      bits = 0x7f80_0000 | (mantissa << 13);
    } else if (exponent > 0) {
      bits = ((exponent + 112) << 23) | (mantissa << 13);
    } else if (mantissa === 0) {
      bits = 0;
    } else {
      // A subnormal half, mantissa * 2^-24, is a normal float32: move its leading one to bit 10.
      const shift = Math.clz32(mantissa) - 21;
      bits = ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
    }
    table[half] = sign | bits;
  }
  float16Table = table;
  return table;
}

/** Exact: every float16 is a float32. `bits` holds the raw 16-bit patterns. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  const table = float32BitsOfFloat16();
  const result = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = table[bits[i]!]!;
  return new Float32Array(result.buffer);
}

/** Rounds to the nearest float16, ties to even; beyond 65,520 becomes infinite. Returns raw 16-bit patterns. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000;
    const magnitude = bits[i]! & 0x7fff_ffff;
    let half: number;
    if (magnitude > 0x7f80_0000) {
      half = 0x7e00 | ((magnitude >>> 13) & 0x3ff);
    } else if (magnitude >= 0x4780_0000) {
      half = 0x7c00;
    } else if (magnitude >= 0x3880_0000) {
      // Rebias the exponent by 127 - 15 = 112; a carry out of the mantissa correctly raises the exponent.
      half = (magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    } else if (magnitude <= 0x3300_0000) {
      half = 0; // up to 2^-25, half of the smallest subnormal: the tie goes to zero
    } else {
      const shift = 126 - (magnitude >>> 23);
      const mantissa = (magnitude & 0x7f_ffff) | 0x80_0000;
      const remainder = mantissa & ((1 << shift) - 1);
      const tie = 1 << (shift - 1);
      half = mantissa >>> shift;
      if (remainder > tie || (remainder === tie && (half & 1) === 1)) half += 1;
    }
    result[i] = sign | half;
  }
  return result;
}

/** Exact: a bfloat16 is the upper half of a float32. `bits` holds the raw 16-bit patterns. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const result = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = bits[i]! << 16;
  return new Float32Array(result.buffer);
}

/** Rounds to the nearest bfloat16, ties to even. Returns raw 16-bit patterns. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const pattern = bits[i]!;
    const isNaN = (pattern & 0x7fff_ffff) > 0x7f80_0000;
    // Rounding could carry a NaN's mantissa into an infinity; a NaN is cut and made quiet instead.
    result[i] = isNaN ? (pattern >>> 16) | 0x40 : (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16;
  }
  return result;
}
