import { open, type FileHandle } from "node:fs/promises";
import { CorellaError, nearestName } from "@corella/errors";
import { toFloat32, toInt32 } from "./convert.ts";
import type { TensorView } from "./dtype.ts";
import { headerByteLength, parseHeader, truncated, type Header, type TensorInfo } from "./header.ts";

/** An open file: only its header is in memory; tensors are read one by one. Close it after use. */
export interface SafetensorsFile {
  readonly path: string;
  /** In the order of the bytes in the file. */
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  has(name: string): boolean;
  /** @throws CorellaError `safetensors/unknown-tensor`, as all methods that take a name. */
  info(name: string): TensorInfo;
  /** The tensor's bytes, in memory of their own. */
  read(name: string): Promise<TensorView>;
  /** Rows `begin` to `end` (excluded) of the first axis; only their bytes are read. */
  readRows(name: string, begin: number, end: number): Promise<TensorView>;
  /** The elements as float32, converted from any dtype. */
  readFloat32(name: string): Promise<Float32Array>;
  /** The elements of an integer tensor as int32; see `toInt32`. */
  readInt32(name: string): Promise<Int32Array>;
  close(): Promise<void>;
}

/** A whole file in memory. The views share memory with the parsed bytes. */
export interface ParsedSafetensors {
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** One `read` call of the operating system takes less than 2 GiB. */
const longestReadBytes = 2 ** 30;

/**
 * Opens a safetensors file and checks its header against the file's size.
 * @throws CorellaError `safetensors/unreadable`, `/truncated`, `/not-safetensors`, `/bad-header`, `/bad-offsets`,
 * `/bad-metadata`, `/duplicate-name`, `/unknown-dtype`.
 * Source: https://github.com/huggingface/safetensors#format
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stat = await handle.stat();
    const start = new Uint8Array(await readBytes(handle, 0, Math.min(16, stat.size), path));
    const headerBytes = headerByteLength(start, stat.size, path);
    const bytes = new Uint8Array(await readBytes(handle, 8, headerBytes, path));
    const header = parseHeader(bytes, stat.size, path);
    return openFile(path, handle, header);
  } catch (error) {
    await handle?.close();
    throw CorellaError.isInstance(error) ? error : unreadable(path, error);
  }
}

/**
 * Parses a file that is already in memory; `place` names it in errors.
 * @throws CorellaError `safetensors/truncated`, `/not-safetensors`, `/bad-header`, `/bad-offsets`, `/bad-metadata`,
 * `/duplicate-name`, `/unknown-dtype`.
 */
export function parseSafetensors(bytes: Uint8Array, place = "bytes in memory"): ParsedSafetensors {
  const headerBytes = headerByteLength(bytes.subarray(0, 16), bytes.length, place);
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), bytes.length, place);
  const tensors = new Map<string, TensorView>();
  for (const [name, { dtype, shape, byteOffset, byteLength }] of header.tensors) {
    tensors.set(name, { dtype, shape, data: bytes.subarray(byteOffset, byteOffset + byteLength) });
  }
  return { tensors, metadata: header.metadata };
}

function openFile(path: string, handle: FileHandle, header: Header): SafetensorsFile {
  function info(name: string): TensorInfo {
    const found = header.tensors.get(name);
    if (found !== undefined) return found;
    const near = nearestName(name, header.tensors.keys());
    throw new CorellaError({
      code: "safetensors/unknown-tensor",
      message: `The file has no tensor ${JSON.stringify(name)}.`,
      place: path,
      remedy:
        near === undefined
          ? `It has ${header.tensors.size} others.`
          : `Did you mean ${JSON.stringify(near)}?`,
    });
  }

  async function readRange(name: string, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    const place = `${path}, tensor ${name}`;
    try {
      return await readBytes(handle, byteOffset, byteLength, place);
    } catch (error) {
      throw CorellaError.isInstance(error) ? error : unreadable(place, error);
    }
  }

  async function read(name: string): Promise<TensorView> {
    const { dtype, shape, byteOffset, byteLength } = info(name);
    return { dtype, shape, data: bytesOf(name, await readRange(name, byteOffset, byteLength)) };
  }

  async function readFloat32(name: string): Promise<Float32Array> {
    const { dtype, byteOffset, byteLength } = info(name);
    // Not through a Uint8Array, which on Node 20 ends at 4 GiB.
    if (dtype === "F32") return new Float32Array(await readRange(name, byteOffset, byteLength));
    return toFloat32(await read(name));
  }

  function bytesOf(name: string, buffer: ArrayBuffer): Uint8Array {
    try {
      return new Uint8Array(buffer);
    } catch (cause) {
      throw new CorellaError({
        code: "safetensors/too-large",
        message: `The tensor has ${buffer.byteLength} bytes, more than this version of Node gives as one array of bytes.`,
        place: `${path}, tensor ${name}`,
        remedy: "Read it with readFloat32, in parts with readRows, or with Node 22.",
        cause,
      });
    }
  }

  async function readRows(name: string, begin: number, end: number): Promise<TensorView> {
    const { dtype, shape, byteOffset, byteLength } = info(name);
    const [rows, ...rest] = shape;
    if (
      rows === undefined ||
      !(Number.isInteger(begin) && Number.isInteger(end) && 0 <= begin && begin <= end && end <= rows)
    ) {
      throw new CorellaError({
        code: "safetensors/bad-rows",
        message: `Rows ${begin} to ${end} are not in the shape [${shape.join(", ")}].`,
        place: `${path}, tensor ${name}`,
        remedy: "Ask for rows between 0 and the first dimension.",
      });
    }
    const rowBytes = rows === 0 ? 0 : byteLength / rows;
    const data = bytesOf(
      name,
      await readRange(name, byteOffset + begin * rowBytes, (end - begin) * rowBytes),
    );
    return { dtype, shape: [end - begin, ...rest], data };
  }

  return {
    path,
    names: [...header.tensors.keys()],
    metadata: header.metadata,
    has: (name) => header.tensors.has(name),
    info,
    read,
    readRows,
    readFloat32,
    readInt32: async (name) => toInt32(await read(name)),
    close: () => handle.close(),
  };
}

/** Always `byteLength` bytes, in a buffer of their own, so that any typed array may be laid over them. */
async function readBytes(
  handle: FileHandle,
  position: number,
  byteLength: number,
  place: string,
): Promise<ArrayBuffer> {
  const buffer = new ArrayBuffer(byteLength);
  for (let filled = 0; filled < byteLength;) {
    const part = new Uint8Array(buffer, filled, Math.min(byteLength - filled, longestReadBytes));
    const { bytesRead } = await handle.read(part, 0, part.length, position + filled);
    if (bytesRead === 0) throw truncated(place, `it ends at byte ${position + filled}`);
    filled += bytesRead;
  }
  return buffer;
}

function unreadable(place: string, cause: unknown): CorellaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CorellaError({
    code: "safetensors/unreadable",
    message: `The file cannot be read: ${reason}.`,
    place,
    remedy: "Check the path and its permissions, and that the file has not been closed.",
    cause,
  });
}
