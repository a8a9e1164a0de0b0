import { gunzipSync, inflateSync } from "node:zlib";

/** An answer of the protocol, taken apart. */
export interface Message {
  /** Its JSON, in which tensors that came as binary data have their elements as `data`. */
  readonly json: unknown;
  /** Names of the tensors that came as binary data. */
  readonly binary: readonly string[];
}

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  data?: unknown;
  readonly parameters?: { readonly binary_data_size: number };
}

/** Reads a body by its headers, strictly: the header stands exactly where something is binary, and nothing is left over. */
export function readMessage(body: Uint8Array, headers: Readonly<Record<string, string>>): Message {
  const encoding = headers["content-encoding"];
  let bytes = Buffer.from(body);
  if (encoding === "gzip") bytes = gunzipSync(bytes);
  if (encoding === "deflate") bytes = inflateSync(bytes);
  const header = headers["inference-header-content-length"];
  const end = header === undefined ? bytes.length : Number(header);
  const text = bytes.subarray(0, end).toString("utf8");
  const json = (text === "" ? undefined : JSON.parse(text)) as { outputs?: Tensor[] } | undefined;
  const binary: string[] = [];
  let at = end;
  for (const tensor of json?.outputs ?? []) {
    const size = tensor.parameters?.binary_data_size;
    if (size === undefined) continue;
    binary.push(tensor.name);
    tensor.data = elements(bytes.subarray(at, at + size), tensor.datatype);
    at += size;
  }
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes are left over`);
  if ((header !== undefined) !== binary.length > 0)
    throw new Error(`the header is ${header}, binary are ${binary.join()}`);
  return { json, binary };
}

/** The elements of a binary tensor, NaN as null. */
export function elements(bytes: Buffer, datatype: string): unknown[] {
  const read: unknown[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (datatype === "FP32") {
      const value = bytes.readFloatLE(at);
      read.push(Number.isNaN(value) ? null : value);
      at += 4;
    } else if (datatype === "BOOL") {
      read.push([false, true][bytes[at]!]);
      at += 1;
    } else {
      const length = bytes.readUInt32LE(at);
      read.push(bytes.subarray(at + 4, at + 4 + length).toString("utf8"));
      at += 4 + length;
    }
  }
  return read;
}

/** The elements of the outputs of an answer by name. */
export function columnsOf({ json }: Message): Readonly<Record<string, readonly unknown[]>> {
  const { outputs } = json as { outputs: readonly (Tensor & { data: readonly unknown[] })[] };
  return Object.fromEntries(outputs.map(({ name, data }) => [name, data]));
}
