import { float16ToFloat32 } from "@corella/safetensors";

/** The float16 numbers at `offset` of every block. */
export function halves(bytes: Uint8Array, blockBytes: number, offset: number): Float32Array {
  const bits = new Uint16Array(bytes.length / blockBytes);
  for (let i = 0; i < bits.length; i++) {
    const at = i * blockBytes + offset;
    bits[i] = bytes[at]! | (bytes[at + 1]! << 8);
  }
  return float16ToFloat32(bits);
}
