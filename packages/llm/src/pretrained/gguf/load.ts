import { open, type FileHandle } from "node:fs/promises";
import type { Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "../../config/decoder.ts";
import { decoderParams } from "../../config/params.ts";
import { readEach, type OpenWeights } from "../../files/tensor-folder.ts";
import { loadTokenizer, type TextTokenizer } from "../../tokenizer/tokenizer.ts";
import { ggufConfig, ropeFactorsName } from "./config.ts";
import { blockTypes, typeName, type BlockType } from "./dequantize.ts";
import { ggufError, readGgufHeader, type GgufHeader, type GgufTensor } from "./header.ts";
import { ggufChatTemplate, ggufTokenizer } from "./tokenizer.ts";

/** A model out of a GGUF file, with all its weights and the tokenizer of the vocabulary in it. */
export interface GgufModel {
  readonly config: DecoderConfig;
  /** Weights by Hugging Face's names, float32. */
  readonly values: Values;
  readonly tokenizer: TextTokenizer;
}

/** A model out of a GGUF file whose weights stay in it until they are read. Close it after use. */
export interface OpenGguf extends Omit<GgufModel, "values"> {
  readonly weights: OpenWeights;
}

/**
 * Opens a llama.cpp model file: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K and Q6_K tensors.
 * @throws CorellaError `llm/gguf`, `llm/config`, `llm/missing-tensor`, `llm/tensor-shape`
 */
export async function openGguf(path: string): Promise<OpenGguf> {
  const file = await opened(path);
  try {
    const header = await readGgufHeader(file, path);
    const factors = header.tensors.get(ropeFactorsName);
    if (factors !== undefined) requireWhole(ropeFactorsName, factors, header, path);
    const config = ggufConfig(
      header,
      factors === undefined ? undefined : await readGgufTensor(file, ropeFactorsName, factors, path),
      path,
    );
    const params = decoderParams(config);
    for (const [name, { shape }] of Object.entries(params)) {
      const stored = ggufName(name);
      const tensor = header.tensors.get(stored);
      if (tensor === undefined) throw missing(stored, path);
      requireShape(stored, tensor, shape, path);
      requireWhole(stored, tensor, header, path);
    }
    const read: OpenWeights["read"] = async (name, rows) => {
      const stored = ggufName(name);
      const tensor = header.tensors.get(stored)!;
      if (!isPermuted(name, config)) return readGgufTensor(file, stored, tensor, path, rows);
      // Rows change places within their head, so heads are read as a whole.
      const { headDim } = config;
      const [begin, end] = rows ?? [0, tensor.shape[0]!];
      const first = Math.floor(begin / headDim) * headDim;
      const last = Math.ceil(end / headDim) * headDim;
      const heads = await readGgufTensor(file, stored, tensor, path, [first, last]);
      const width = tensor.shape[1] ?? 1;
      return unpermuted(heads, headDim, width).subarray((begin - first) * width, (end - first) * width);
    };
    const tokenizer = await loadTokenizer(ggufTokenizer(header, path), ggufChatTemplate(header));
    return { config, tokenizer, weights: { read, close: () => file.close() } };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Loads a llama.cpp model file with all its weights in float32.
 * @throws CorellaError with the codes of `openGguf`
 */
export async function loadGguf(path: string): Promise<GgufModel> {
  const { weights, ...model } = await openGguf(path);
  try {
    return { ...model, values: await readEach(decoderParams(model.config), weights) };
  } finally {
    await weights.close();
  }
}

/** One tensor of a GGUF file as float32. */
export interface DequantizedTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** In the file's own order: query and key rows of a Llama are interleaved. */
  readonly data: Float32Array;
}

/**
 * Reads every tensor of a GGUF file as it stands there, one at a time.
 * @throws CorellaError `llm/gguf`, `llm/unreadable`
 */
export async function* readGguf(path: string): AsyncGenerator<DequantizedTensor> {
  const file = await opened(path);
  try {
    const { tensors } = await readGgufHeader(file, path);
    for (const [name, tensor] of tensors) {
      const data = await readGgufTensor(file, name, tensor, path);
      yield { name, type: blockTypes[tensor.type]!.name, shape: tensor.shape, data };
    }
  } finally {
    await file.close();
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CorellaError({
      code: "llm/unreadable",
      message: `The file cannot be read: ${reason}.`,
      place: path,
      remedy: "Check the path.",
      cause,
    });
  }
}

function missing(name: string, path: string): CorellaError {
  return new CorellaError({
    code: "llm/missing-tensor",
    message: `The tensor ${name} is missing.`,
    place: path,
    remedy: "Download the file again.",
  });
}

/** @throws CorellaError `llm/tensor-shape` */
function requireShape(name: string, tensor: GgufTensor, shape: readonly number[], path: string): void {
  if (tensor.shape.join() === shape.join()) return;
  throw new CorellaError({
    code: "llm/tensor-shape",
    message: `${name} has shape [${tensor.shape.join(", ")}], the metadata wants [${shape.join(", ")}].`,
    place: path,
    remedy: "Download the file again.",
  });
}

/** @throws CorellaError `llm/gguf` for a tensor of a type that is not read, or that the file ends in */
function requireWhole(
  name: string,
  { shape, type, byteOffset }: GgufTensor,
  file: GgufHeader,
  path: string,
): void {
  const block = blockOf(name, shape, type, path);
  const count = shape.reduce((product, size) => product * size, 1);
  if (byteOffset + (count / block.elements) * block.bytes > file.bytes) throw endsInside(name, path);
}

/** How a tensor's elements are stored. @throws CorellaError `llm/gguf` */
function blockOf(name: string, shape: readonly number[], type: number, path: string): BlockType {
  const block = blockTypes[type];
  if (block === undefined) {
    const known = Object.values(blockTypes).map((read) => read.name);
    throw ggufError(
      `The tensor ${name} has the type ${typeName(type)}; those that are read are ${known.join(", ")}.`,
      path,
    );
  }
  if ((shape.at(-1) ?? 1) % block.elements !== 0)
    throw ggufError(`The rows of ${name} are not whole ${block.name} blocks.`, path);
  return block;
}

function endsInside(name: string, path: string): CorellaError {
  return ggufError(`The file ends inside the tensor ${name}.`, path);
}

/** One tensor, or some of its rows, as float32, in the file's own order of rows. */
async function readGgufTensor(
  file: FileHandle,
  name: string,
  { shape, type, byteOffset }: GgufTensor,
  path: string,
  [begin, end]: readonly [begin: number, end: number] = [0, shape[0] ?? 1],
): Promise<Float32Array> {
  const block = blockOf(name, shape, type, path);
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const count = (end - begin) * width;
  const bytes = new Uint8Array((count / block.elements) * block.bytes);
  const rowBytes = (width / block.elements) * block.bytes;
  const { bytesRead } = await file.read(bytes, 0, bytes.length, byteOffset + begin * rowBytes);
  if (bytesRead !== bytes.length) throw endsInside(name, path);
  const out = new Float32Array(count);
  block.decode(bytes, out);
  return out;
}

const blockNames: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  post_attention_layernorm: "ffn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

/** The name in GGUF files of a parameter with Hugging Face's name. */
export function ggufName(name: string): string {
  const inBlock = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  if (inBlock !== null) return `blk.${inBlock[1]}.${blockNames[inBlock[2]!]!}.${inBlock[3]}`;
  if (name === "model.embed_tokens.weight") return "token_embd.weight";
  return name === "model.norm.weight" ? "output_norm.weight" : "output.weight";
}

/** llama.cpp's converter changes the order of a Llama's query and key rows; Qwen's stay as they are. */
function isPermuted(name: string, config: DecoderConfig): boolean {
  return config.architecture === "llama" && /\.[qk]_proj\.(weight|bias)$/.test(name);
}

/**
 * llama.cpp rotates neighbouring pairs, so its converter interleaves the two halves of each query and key head. This
 * takes the rows back: row (head, half, i) from row (head, i, half).
 */
function unpermuted(data: Float32Array, headDim: number, width: number): Float32Array {
  const half = headDim / 2;
  const result = new Float32Array(data.length);
  for (let row = 0; row < data.length / width; row++) {
    const head = Math.floor(row / headDim);
    const within = row % headDim;
    const from = head * headDim + (within % half) * 2 + Math.floor(within / half);
    result.set(data.subarray(from * width, (from + 1) * width), row * width);
  }
  return result;
}
