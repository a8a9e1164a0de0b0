import { writeFile } from "node:fs/promises";

/** Metadata of a GGUF file to write: strings, uint32, float32, uint64, booleans and arrays of strings or uint32. */
export type MetadataToWrite = Readonly<
  Record<
    string,
    string | number | bigint | boolean | { readonly float: number } | readonly string[] | readonly number[]
  >
>;

/** A tensor of a GGUF file to write, encoded already where it is not F32. */
export interface GgufTensorToWrite {
  /** The slowest dimension first. */
  readonly shape: readonly number[];
  /** ggml's number; default F32. */
  readonly type?: number;
  readonly data: Float32Array | Uint8Array;
}

const uint32Type = 4;
const float32Type = 6;
const boolType = 7;
const uint64Type = 10;
const stringType = 8;
const arrayType = 9;
const alignment = 32;

/** The contents of a GGUF file to write; magic and version may be wrong ones. */
export interface GgufToWrite {
  readonly magic?: string;
  readonly version?: number;
  readonly metadata: MetadataToWrite;
  readonly tensors: Readonly<Record<string, GgufTensorToWrite>>;
}

/** A GGUF file as llama.cpp writes it. Returns its bytes as well. */
export async function writeGguf(path: string, contents: GgufToWrite): Promise<Buffer> {
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const u64 = (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const f32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return bytes;
  };
  const string = (value: string): Buffer =>
    Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  const { metadata, tensors } = contents;
  const parts = [
    Buffer.from(contents.magic ?? "GGUF"),
    u32(contents.version ?? 3),
    u64(Object.keys(tensors).length),
    u64(Object.keys(metadata).length),
  ];
  for (const [key, value] of Object.entries(metadata)) {
    parts.push(string(key));
    if (typeof value === "string") parts.push(u32(stringType), string(value));
    else if (typeof value === "bigint") parts.push(u32(uint64Type), u64(Number(value)));
    else if (typeof value === "boolean") parts.push(u32(boolType), Buffer.of(Number(value)));
    else if (typeof value === "number") parts.push(u32(uint32Type), u32(value));
    else if ("float" in value) parts.push(u32(float32Type), f32(value.float));
    else {
      const strings = value.every((element) => typeof element === "string");
      parts.push(u32(arrayType), u32(strings ? stringType : uint32Type), u64(value.length));
      for (const element of value) parts.push(typeof element === "string" ? string(element) : u32(element));
    }
  }
  const data: Buffer[] = [];
  let end = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    parts.push(string(name), u32(tensor.shape.length), ...tensor.shape.toReversed().map(u64));
    parts.push(u32(tensor.type ?? 0), u64(end));
    const bytes = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    const filling = (alignment - (bytes.length % alignment)) % alignment;
    data.push(bytes, Buffer.alloc(filling));
    end += bytes.length + filling;
  }
  const header = Buffer.concat(parts);
  const file = Buffer.concat([
    header,
    Buffer.alloc((alignment - (header.length % alignment)) % alignment),
    ...data,
  ]);
  await writeFile(path, file);
  return file;
}
