import { oipError } from "./errors.ts";

/** A datatype of the protocol that a tensor of a bundle has. */
export type Datatype = "BOOL" | "BYTES" | "FP32";

/** The elements of a tensor, row by row. */
export type Column =
  | { readonly datatype: "BOOL"; readonly values: readonly boolean[] }
  | { readonly datatype: "BYTES"; readonly values: readonly string[] }
  | { readonly datatype: "FP32"; readonly values: readonly number[] };

/** Bytes of the length that stands before an element of BYTES. */
const lengthBytes = 4;

/** Elements as binary data: little-endian, BOOL as a byte, BYTES as a length in 4 bytes and UTF-8. */
export function encodeBinary({ datatype, values }: Column): Uint8Array {
  switch (datatype) {
    case "BOOL":
      return Uint8Array.from(values, Number);
    case "FP32": {
      const view = new DataView(new ArrayBuffer(4 * values.length));
      for (const [i, value] of values.entries()) view.setFloat32(4 * i, value, true);
      return new Uint8Array(view.buffer);
    }
    case "BYTES":
      return encodeBytes(values);
  }
}

/** Elements as the `data` of JSON, which has no NaN: null, which both Python clients read as NaN. */
export function encodeJson({ datatype, values }: Column): readonly (boolean | string | number | null)[] {
  if (datatype !== "FP32") return values;
  return values.map((value) => (Number.isFinite(value) ? Math.fround(value) : null));
}

function encodeBytes(values: readonly string[]): Uint8Array {
  const encoder = new TextEncoder();
  const texts = values.map((value) => encoder.encode(value));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + lengthBytes + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length, true);
    bytes.set(text, at + lengthBytes);
    at += lengthBytes + text.length;
  }
  return bytes;
}

/**
 * Texts of an input that came as binary data.
 * @param count elements that its shape has
 * @param input how to name it: `input 'item' for model 'films'`
 * @throws CorellaError `oip/bad-tensor` unless there are exactly `count` whole elements of UTF-8
 */
export function decodeBytes(bytes: Uint8Array, count: number, input: string): string[] {
  const fail = (what: string): Error =>
    oipError("oip/bad-tensor", `input byte size mismatch for ${input}: ${what}.`);
  // A byte order mark is part of the text.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (values.length === count)
      throw fail(`${bytes.length - at} bytes more than its ${count} elements have`);
    const left = bytes.length - at - lengthBytes;
    if (left < 0) throw fail(`expecting 4 bytes of a length, but only ${left + lengthBytes} bytes available`);
    const length = view.getUint32(at, true);
    if (length > left) throw fail(`expecting a text of ${length} bytes, but only ${left} bytes available`);
    at += lengthBytes;
    try {
      values.push(decoder.decode(bytes.subarray(at, at + length)));
    } catch {
      throw oipError("oip/bad-tensor", `element ${values.length} of ${input} is not UTF-8.`);
    }
    at += length;
  }
  if (values.length < count) throw fail(`expecting ${count} elements, got ${values.length}`);
  return values;
}

/**
 * Texts of an input that came as JSON, flat or nested, row by row.
 * @param input as in `decodeBytes`
 * @throws CorellaError `oip/bad-tensor`
 */
export function decodeJsonBytes(data: unknown, shape: readonly number[], input: string): string[] {
  const count = shape.reduce((product, size) => product * size, 1);
  if (!Array.isArray(data)) throw oipError("oip/bad-tensor", `data of ${input} is no list.`);
  const flat: unknown[] = data.flat(shape.length - 1);
  if (flat.length !== count) {
    throw oipError(
      "oip/bad-tensor",
      `input byte size mismatch for ${input}: expecting ${count} elements, got ${flat.length}.`,
    );
  }
  for (const [i, value] of flat.entries()) {
    if (typeof value !== "string")
      throw oipError("oip/bad-tensor", `element ${i} of ${input} is no text.`, "Put ids in quotes.");
  }
  return flat as string[];
}
