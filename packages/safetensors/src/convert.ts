import { CorellaError } from "@corella/errors";
import type { TensorView } from "./dtype.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half.ts";

/** F16 and BF16 stand as raw 16-bit patterns in a Uint16Array. */
export type TensorArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/**
 * The tensor's elements in the typed array of its dtype (BOOL: Uint8Array; F16, BF16: Uint16Array of bit patterns).
 * Shares memory with the view where its bytes are aligned, and copies otherwise.
 * Typed arrays are little-endian on every machine that Node supports except s390x, as the format is.
 */
export function toTypedArray(view: TensorView): TensorArray {
  switch (view.dtype) {
    case "F64": {
      const bytes = aligned(view.data, 8);
      return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    }
    case "I64": {
      const bytes = aligned(view.data, 8);
      return new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    }
    case "F32": {
      const bytes = aligned(view.data, 4);
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    }
    case "I32": {
      const bytes = aligned(view.data, 4);
      return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    }
    case "F16":
    case "BF16": {
      const bytes = aligned(view.data, 2);
      return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    }
    case "I16": {
      const bytes = aligned(view.data, 2);
      return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    }
    case "I8":
      return new Int8Array(view.data.buffer, view.data.byteOffset, view.data.length);
    case "U8":
    case "BOOL":
      return view.data;
  }
}

/**
 * The elements as float32: exact for F32, F16, BF16, I16, I8, U8 and BOOL, rounded to nearest for F64, I64 and I32.
 * An F32 view is not copied where its bytes are aligned.
 */
export function toFloat32(view: TensorView): Float32Array {
  const elements = toTypedArray(view);
  if (elements instanceof Float32Array) return elements;
  if (elements instanceof BigInt64Array) {
    const result = new Float32Array(elements.length);
    for (let i = 0; i < elements.length; i++) result[i] = Number(elements[i]!);
    return result;
  }
  if (elements instanceof Uint16Array) {
    return view.dtype === "BF16" ? bfloat16ToFloat32(elements) : float16ToFloat32(elements);
  }
  if (view.dtype === "BOOL") return Float32Array.from(elements, (value) => (value === 0 ? 0 : 1));
  return new Float32Array(elements);
}

/**
 * The elements of an integer or BOOL tensor as int32, the type of IDs and token IDs here.
 * @throws CorellaError `safetensors/not-int32` for a float tensor or a number beyond 32 bits.
 */
export function toInt32(view: TensorView): Int32Array {
  const elements = toTypedArray(view);
  if (elements instanceof Int32Array) return elements;
  if (elements instanceof BigInt64Array) {
    const result = new Int32Array(elements.length);
    for (let i = 0; i < elements.length; i++) {
      const value = Number(elements[i]!);
      result[i] = value;
      if (result[i] !== value) throw notInt32(`element ${i} is ${elements[i]!}, beyond 32 bits`);
    }
    return result;
  }
  if (
    elements instanceof Float64Array ||
    elements instanceof Float32Array ||
    elements instanceof Uint16Array
  ) {
    throw notInt32(`its elements are ${view.dtype}`);
  }
  return new Int32Array(elements);
}

function notInt32(reason: string): CorellaError {
  return new CorellaError({
    code: "safetensors/not-int32",
    message: `The tensor cannot be read as 32-bit integers: ${reason}.`,
    remedy: "Read it with readFloat32 or toTypedArray.",
  });
}

function aligned(data: Uint8Array, bytes: number): Uint8Array {
  return data.byteOffset % bytes === 0 ? data : new Uint8Array(data);
}
