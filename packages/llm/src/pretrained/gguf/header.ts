import type { FileHandle } from "node:fs/promises";
import { CorellaError } from "@corella/errors";

/** A value of a GGUF file's metadata. Integers of 64 bits are bigints. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[];

/** Where a tensor stands in a GGUF file, and how. */
export interface GgufTensor {
  /** The slowest dimension first, as everywhere here; the file has it last. */
  readonly shape: readonly number[];
  /** ggml's number of the element type. */
  readonly type: number;
  /** From the beginning of the file. */
  readonly byteOffset: number;
}

/** What stands before the tensors in a GGUF file. */
export interface GgufHeader {
  /** Size of the file. */
  readonly bytes: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const magic = 0x46554747;
const firstReadBytes = 4 * 1024 * 1024;
/** A header that says it is longer is damaged. */
const longestHeaderBytes = 2 ** 30;

/**
 * Reads the header of a GGUF file (versions 2 and 3): metadata and the tensors' places.
 * @throws CorellaError `llm/gguf`
 * Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export async function readGgufHeader(file: FileHandle, path: string): Promise<GgufHeader> {
  const { size } = await file.stat();
  // The vocabulary stands in the header, whose length the file does not say.
  const longest = Math.min(size, longestHeaderBytes);
  for (let length = Math.min(firstReadBytes, longest); ; length = Math.min(length * 2, longest)) {
    const bytes = Buffer.alloc(length);
    await readBytes(file, bytes, 0);
    try {
      return { ...parseHeader(bytes, path), bytes: size };
    } catch (error) {
      if (!(error instanceof RangeError) || length === longest) throw asGgufError(error, path);
    }
  }
}

/** One `read` call of the operating system takes less than 2 GiB. */
const longestReadBytes = 2 ** 30;

/** Fills `bytes` from a place in the file on. @returns how many bytes there were */
export async function readBytes(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const length = Math.min(bytes.length - filled, longestReadBytes);
    const { bytesRead } = await file.read(bytes, filled, length, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

function asGgufError(error: unknown, path: string): unknown {
  return error instanceof RangeError ? ggufError("The file ends inside its header.", path) : error;
}

/** The error of a GGUF file that is damaged or not supported. */
export function ggufError(message: string, place: string): CorellaError {
  return new CorellaError({
    code: "llm/gguf",
    message,
    place,
    remedy: "Download the file again, or use a GGUF of a Llama, Mistral, Qwen2, Qwen3 or Gemma 3 model.",
  });
}

/** Buffer's readers throw a RangeError at the end of the bytes. */
function parseHeader(bytes: Buffer, path: string): Omit<GgufHeader, "bytes"> {
  let at = 0;
  const u32 = (): number => {
    at += 4;
    return bytes.readUInt32LE(at - 4);
  };
  const u64 = (): number => {
    at += 8;
    return Number(bytes.readBigUInt64LE(at - 8));
  };
  const string = (): string => {
    const length = u64();
    if (at + length > bytes.length) throw new RangeError("string");
    at += length;
    return bytes.toString("utf8", at - length, at);
  };
  const value = (type: number): GgufValue => {
    if (type === 8) return string();
    if (type === 9) {
      const elementType = u32();
      const count = u64();
      const array: GgufValue[] = [];
      for (let i = 0; i < count; i++) array.push(value(elementType));
      return array;
    }
    const scalar = scalars[type];
    if (scalar === undefined) throw ggufError(`The metadata has a value of unknown type ${type}.`, path);
    at += scalar.bytes;
    return scalar.read(bytes, at - scalar.bytes);
  };

  if (u32() !== magic) throw ggufError("The file is not GGUF.", path);
  const version = u32();
  if (version !== 2 && version !== 3) throw ggufError(`GGUF version ${version} is not supported.`, path);
  const tensorCount = u64();
  const metadataCount = u64();
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < metadataCount; i++) {
    const key = string();
    if (metadata.has(key)) throw ggufError(`The metadata has ${key} twice.`, path);
    metadata.set(key, value(u32()));
  }
  const tensors = new Map<string, GgufTensor>();
  for (let i = 0; i < tensorCount; i++) {
    const name = string();
    if (tensors.has(name)) throw ggufError(`The tensor ${name} is in the file twice.`, path);
    const shape = Array.from({ length: u32() }, u64).reverse();
    tensors.set(name, { shape, type: u32(), byteOffset: u64() });
  }
  const alignment = Number(metadata.get("general.alignment") ?? 32);
  if (!(Number.isInteger(alignment) && alignment > 0))
    throw ggufError(`The alignment ${alignment} of the tensors is not a positive number.`, path);
  const start = Math.ceil(at / alignment) * alignment;
  const placed = [...tensors].map(([name, tensor]): [string, GgufTensor] => [
    name,
    { ...tensor, byteOffset: start + tensor.byteOffset },
  ]);
  return { metadata, tensors: new Map(placed) };
}

/** By GGUF's number of the value type. */
const scalars: Readonly<
  Record<number, { readonly bytes: number; readonly read: (bytes: Buffer, at: number) => GgufValue }>
> = {
  0: { bytes: 1, read: (bytes, at) => bytes.readUInt8(at) },
  1: { bytes: 1, read: (bytes, at) => bytes.readInt8(at) },
  2: { bytes: 2, read: (bytes, at) => bytes.readUInt16LE(at) },
  3: { bytes: 2, read: (bytes, at) => bytes.readInt16LE(at) },
  4: { bytes: 4, read: (bytes, at) => bytes.readUInt32LE(at) },
  5: { bytes: 4, read: (bytes, at) => bytes.readInt32LE(at) },
  6: { bytes: 4, read: (bytes, at) => bytes.readFloatLE(at) },
  7: { bytes: 1, read: (bytes, at) => bytes.readUInt8(at) !== 0 },
  10: { bytes: 8, read: (bytes, at) => bytes.readBigUInt64LE(at) },
  11: { bytes: 8, read: (bytes, at) => bytes.readBigInt64LE(at) },
  12: { bytes: 8, read: (bytes, at) => bytes.readDoubleLE(at) },
};
