import type { FileHandle } from "node:fs/promises";
import { CorellaError } from "@corella/errors";
import { writeFileAtomic } from "@corella/files";
import type { TensorArray } from "./convert.ts";
import { bytesPerElement, dtypeRank, dtypes, elementCount, isDtype, type Dtype } from "./dtype.ts";
import { float32ToBfloat16, float32ToFloat16 } from "./half.ts";

/**
 * A tensor to write. `data` is the typed array of its dtype (BOOL: Uint8Array), or the raw little-endian bytes in a
 * Uint8Array (as a `TensorView` has them), or, for F16 and BF16, a Float32Array to round or a Uint16Array of bit patterns.
 */
export interface TensorToWrite {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: TensorArray;
}

const arrayOf: Readonly<Record<Dtype, { readonly name: string }>> = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/** One `write` call of the operating system takes less than 2 GiB. */
const longestWriteBytes = 2 ** 30;

/** A float32 tensor, ready to write. */
export function float32Tensor(shape: readonly number[], data: Float32Array): TensorToWrite {
  return { dtype: "F32", shape, data };
}

/**
 * Writes a safetensors file atomically (see `writeFileAtomic`). Same tensors, same bytes: tensors stand in the order of
 * the reference implementation (dtype, then name by UTF-8 bytes), metadata by key, the header padded to 8 bytes.
 * @throws CorellaError `safetensors/bad-tensor`, `safetensors/bad-metadata`, `file/write-failed`.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const { header, sorted } = layOut(tensors, metadata, path);
  await writeFileAtomic(path, async (file) => {
    await writeBytes(file, header, path);
    for (const [, tensor] of sorted) await writeBytes(file, elementsOf(tensor), path);
  });
}

/**
 * The bytes of a safetensors file in memory, equal to those that `writeSafetensors` puts into a file.
 * @throws CorellaError `safetensors/bad-tensor`, `safetensors/bad-metadata`.
 * @example
 * ```ts
 * import { float32Tensor, parseSafetensors, serializeSafetensors } from "@corella/safetensors";
 *
 * const bytes = serializeSafetensors({ w: float32Tensor([2, 2], Float32Array.of(1, 2, 3, 4)) });
 * console.log(parseSafetensors(bytes).tensors.get("w")!.shape); // [ 2, 2 ]
 * ```
 */
export function serializeSafetensors(
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const { header, sorted } = layOut(tensors, metadata, "bytes in memory");
  return new Uint8Array(Buffer.concat([header, ...sorted.map(([, tensor]) => bytesOf(tensor))]));
}

interface Layout {
  /** Length, JSON and padding. */
  readonly header: Uint8Array;
  readonly sorted: readonly (readonly [name: string, tensor: TensorToWrite])[];
}

function layOut(
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata: Readonly<Record<string, string>> | undefined,
  place: string,
): Layout {
  const byteLengths = new Map(
    Object.entries(tensors).map(([name, tensor]) => [name, checkedByteLength(name, tensor, place)]),
  );
  const sorted = Object.entries(tensors).sort(
    ([aName, a], [bName, b]) => dtypeRank(b.dtype) - dtypeRank(a.dtype) || compareUtf8(aName, bName),
  );
  const entries: string[] = [];
  if (metadata !== undefined) entries.push(`"__metadata__":${metadataJson(metadata, place)}`);
  let offset = 0;
  for (const [name, { dtype, shape }] of sorted) {
    const end = offset + byteLengths.get(name)!;
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  const json = Buffer.from(`{${entries.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + padded, " ");
  header.writeBigUInt64LE(BigInt(padded));
  header.set(json, 8);
  return { header, sorted };
}

function metadataJson(metadata: Readonly<Record<string, string>>, place: string): string {
  const pairs = Object.entries(metadata).sort(([a], [b]) => compareUtf8(a, b));
  for (const [key, value] of pairs) {
    if (typeof value === "string") continue;
    throw new CorellaError({
      code: "safetensors/bad-metadata",
      message: `The metadata ${JSON.stringify(key)} is not a string.`,
      place,
      remedy: "Turn every metadata value into a string.",
    });
  }
  return `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
}

function checkedByteLength(name: string, { dtype, shape, data }: TensorToWrite, place: string): number {
  const fail = (message: string, remedy: string): CorellaError =>
    new CorellaError({ code: "safetensors/bad-tensor", message, place: `${place}, tensor ${name}`, remedy });
  if (name === "__metadata__")
    throw fail("A tensor cannot have this name: the format reserves it.", "Rename it.");
  if (!isDtype(dtype))
    throw fail(`The dtype ${String(dtype)} is not known.`, `Use one of ${dtypes.join(", ")}.`);
  const count = elementCount(shape);
  if (Number.isNaN(count))
    throw fail(`The shape [${shape.join(", ")}] is not whole numbers.`, "Correct the shape.");
  const byteLength = count * bytesPerElement(dtype);
  const half = dtype === "F16" || dtype === "BF16";
  const kind = data.constructor.name;
  const rawBytes = data instanceof Uint8Array;
  const rounded = half && data instanceof Float32Array;
  if (!rawBytes && !rounded && kind !== arrayOf[dtype].name) {
    throw fail(
      `The data is a ${kind}.`,
      `Give ${dtype} as a ${arrayOf[dtype].name}, or as raw bytes in a Uint8Array.`,
    );
  }
  if (rounded ? data.length !== count : data.byteLength !== byteLength) {
    const needed = `${count} elements (${byteLength} bytes)`;
    throw fail(
      `The shape [${shape.join(", ")}] takes ${needed}, and the data has ${data.length} elements.`,
      "Correct the shape or the data.",
    );
  }
  return byteLength;
}

function bytesOf(tensor: TensorToWrite): Uint8Array {
  const { buffer, byteOffset, byteLength } = elementsOf(tensor);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function elementsOf({ dtype, data }: TensorToWrite): TensorArray {
  if (data instanceof Float32Array && dtype === "F16") return float32ToFloat16(data);
  if (data instanceof Float32Array && dtype === "BF16") return float32ToBfloat16(data);
  return data;
}

async function writeBytes(file: FileHandle, elements: TensorArray, place: string): Promise<void> {
  const { buffer, byteOffset, byteLength } = elements;
  try {
    for (let written = 0; written < byteLength;) {
      // A view of one part: on Node 20 no Uint8Array is longer than 4 GiB.
      const length = Math.min(byteLength - written, longestWriteBytes);
      const result = await file.write(new Uint8Array(buffer, byteOffset + written, length));
      written += result.bytesWritten;
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const remedy = "Check the disk's free space.";
    throw new CorellaError({
      code: "file/write-failed",
      message: `Writing failed: ${reason}.`,
      place,
      remedy,
      cause,
    });
  }
}

/** Rust's order of strings; JavaScript's compares UTF-16 units, which differs beyond U+FFFF. */
function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
