import type { Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "../../config/decoder.ts";
import { decoderParams } from "../../config/params.ts";
import { readEach, type OpenWeights } from "../../files/tensor-folder.ts";
import { loadTokenizer, type TextTokenizer } from "../../tokenizer/tokenizer.ts";
import { ggufConfig } from "./config.ts";
import { blockTypes } from "./dequantize.ts";
import { ggufError, type GgufHeader } from "./header.ts";
import { openGgufParts } from "./parts.ts";
import { ropeTables } from "./rope.ts";
import { ggufName, isBesideTheModel } from "./tensor-names.ts";
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
 * Opens a llama.cpp model file, or the first one of a model that was split: tensors of any type in `blockTypes`.
 * @throws CorellaError `llm/gguf`, `llm/config`, `llm/missing-tensor`, `llm/tensor-shape`, `llm/tokenizer-mismatch`,
 * `llm/missing-shard`
 */
export async function openGguf(path: string): Promise<OpenGguf> {
  const parts = await openGgufParts(path);
  try {
    const { header } = parts;
    const tables = new Map<string, Float32Array>();
    for (const name of Object.values(ropeTables)) {
      if (!header.tensors.has(name)) continue;
      parts.requireWhole(name);
      tables.set(name, await parts.read(name));
    }
    const config = ggufConfig(header, tables, path);
    const params = decoderParams(config);
    const storedName = (name: string): string => ggufName(name, config.architecture);
    for (const [name, { shape }] of Object.entries(params)) {
      requireShape(storedName(name), header, shape, path);
      parts.requireWhole(storedName(name));
    }
    refuseOthers(header, new Set(Object.keys(params).map(storedName)), path);
    const read: OpenWeights["read"] = async (name, rows) => {
      const stored = storedName(name);
      if (isShifted(name, config)) return (await parts.read(stored, rows)).map((weight) => weight - 1);
      if (!isPermuted(name, config)) return parts.read(stored, rows);
      const [outputs] = header.tensors.get(stored)!.shape as [number];
      const heads = headsAround(rows ?? [0, outputs], config.headDim);
      return heads.own(await parts.read(stored, heads.rows));
    };
    const int4: OpenWeights["int4"] = async (name) => {
      const stored = storedName(name);
      const blocks = await parts.int4(stored);
      if (blocks === undefined || !isPermuted(name, config)) return blocks;
      return async (rows) => {
        const heads = headsAround(rows, config.headDim);
        const { codes, scales, zeroPoints } = await blocks(heads.rows);
        return { codes: heads.own(codes), scales: heads.own(scales), zeroPoints: heads.own(zeroPoints) };
      };
    };
    const tokenizer = await loadTokenizer(ggufTokenizer(header, path), ggufChatTemplate(header));
    return { config, tokenizer, weights: { read, int4, close: () => parts.close() } };
  } catch (error) {
    await parts.close();
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
 * Reads every tensor of a GGUF file, or of all files of a model that was split, as it stands there, one at a time.
 * @throws CorellaError `llm/gguf`, `llm/unreadable`, `llm/missing-shard`
 */
export async function* readGguf(path: string): AsyncGenerator<DequantizedTensor> {
  const parts = await openGgufParts(path);
  try {
    for (const [name, { type, shape }] of parts.header.tensors) {
      const data = await parts.read(name);
      yield { name, type: blockTypes[type]!.name, shape, data };
    }
  } finally {
    await parts.close();
  }
}

/** @throws CorellaError `llm/missing-tensor`, `llm/tensor-shape` */
function requireShape(name: string, { tensors }: GgufHeader, shape: readonly number[], path: string): void {
  const tensor = tensors.get(name);
  if (tensor === undefined) {
    throw new CorellaError({
      code: "llm/missing-tensor",
      message: `The tensor ${name} is missing.`,
      place: path,
      remedy: "Download the file again.",
    });
  }
  if (tensor.shape.join() === shape.join()) return;
  throw new CorellaError({
    code: "llm/tensor-shape",
    message: `${name} has shape [${tensor.shape.join(", ")}], the metadata wants [${shape.join(", ")}].`,
    place: path,
    remedy: "Download the file again.",
  });
}

/** Whatever else the file holds, llama.cpp would compute with: biases, experts, norms that we do not have. */
function refuseOthers({ tensors }: GgufHeader, used: ReadonlySet<string>, path: string): void {
  const other = [...tensors.keys()].find((name) => !used.has(name) && !isBesideTheModel(name));
  if (other !== undefined)
    throw ggufError(`What the tensor ${other} does in the model is not supported.`, path);
}

/** llama.cpp's converter adds the 1 to the weights of Gemma's norms, which stand for the factor 1 + w. */
function isShifted(name: string, { architecture }: DecoderConfig): boolean {
  return architecture === "gemma3" && name.endsWith("norm.weight");
}

/** llama.cpp's converter changes the order of a Llama's query and key rows, and of Mistral's; others stay as they are. */
function isPermuted(name: string, config: DecoderConfig): boolean {
  return ["llama", "mistral"].includes(config.architecture) && /\.[qk]_proj\.(weight|bias)$/.test(name);
}

/** An array with equally many elements for each row. */
type RowArray = Float32Array | Uint8Array;

/** Rows change places within their head, so heads are read as a whole: which rows, and the wanted ones of them in our order. */
function headsAround(
  [begin, end]: readonly [number, number],
  headDim: number,
): { readonly rows: readonly [number, number]; own<Data extends RowArray>(heads: Data): Data } {
  const first = Math.floor(begin / headDim) * headDim;
  const last = Math.ceil(end / headDim) * headDim;
  return {
    rows: [first, last],
    own: (heads) => {
      const width = heads.length / (last - first);
      const ordered = unpermuted(heads, headDim, width);
      return ordered.subarray((begin - first) * width, (end - first) * width) as typeof heads;
    },
  };
}

/**
 * llama.cpp rotates neighbouring pairs, so its converter interleaves the two halves of each query and key head. This
 * takes the rows back: row (head, half, i) from row (head, i, half).
 */
function unpermuted<Data extends RowArray>(data: Data, headDim: number, width: number): Data {
  const half = headDim / 2;
  const result = data.slice() as Data;
  for (let row = 0; row < data.length / width; row++) {
    const head = Math.floor(row / headDim);
    const within = row % headDim;
    const from = head * headDim + (within % half) * 2 + Math.floor(within / half);
    result.set(data.subarray(from * width, (from + 1) * width), row * width);
  }
  return result;
}
