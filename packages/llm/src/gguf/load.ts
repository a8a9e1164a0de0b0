import { open, type FileHandle } from "node:fs/promises";
import type { Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { parseLlamaConfig, type LlamaConfig } from "../config.ts";
import { llamaParams } from "../params.ts";
import { readEach, type OpenWeights } from "../tensor-folder.ts";
import { loadTokenizer, type TextTokenizer } from "../tokenizer.ts";
import { blockTypes } from "./dequantize.ts";
import { ggufError, readGgufHeader, type GgufHeader, type GgufTensor } from "./header.ts";
import { ggufChatTemplate, ggufTokenizer } from "./tokenizer.ts";

export interface GgufModel {
  readonly config: LlamaConfig;
  /** By Hugging Face's names, float32. */
  readonly values: Values;
  readonly tokenizer: TextTokenizer;
}

/** A model file whose weights stay in it until they are read. Close it after use. */
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
    const config = ggufConfig(header, path);
    const params = llamaParams(config);
    for (const [name, { shape }] of Object.entries(params)) {
      const stored = ggufName(name);
      const tensor = header.tensors.get(stored);
      if (tensor === undefined) throw missing(stored, path);
      if (tensor.shape.join() !== shape.join()) {
        throw new CorellaError({
          code: "llm/tensor-shape",
          message: `${stored} has shape [${tensor.shape.join(", ")}], the metadata wants [${shape.join(", ")}].`,
          place: path,
          remedy: "Download the file again.",
        });
      }
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
      return unpermuted(heads, headDim, width).slice((begin - first) * width, (end - first) * width);
    };
    const tokenizer = await loadTokenizer(ggufTokenizer(header, path), ggufChatTemplate(header));
    return { config, tokenizer, weights: { read, close: () => file.close() } };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Loads a llama.cpp model file, tensor by tensor. @throws as `openGguf` */
export async function loadGguf(path: string): Promise<GgufModel> {
  const { weights, ...model } = await openGguf(path);
  try {
    return { ...model, values: await readEach(llamaParams(model.config), weights) };
  } finally {
    await weights.close();
  }
}

export interface DequantizedTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** In the file's own order: query and key rows of a Llama are interleaved. */
  readonly data: Float32Array;
}

/** Every tensor of a GGUF file as it stands there, one at a time. @throws CorellaError `llm/gguf` */
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

/** One tensor, or some of its rows, as float32, in the file's own order of rows. */
async function readGgufTensor(
  file: FileHandle,
  name: string,
  { shape, type, byteOffset }: GgufTensor,
  path: string,
  [begin, end]: readonly [begin: number, end: number] = [0, shape[0] ?? 1],
): Promise<Float32Array> {
  const block = blockTypes[type];
  if (block === undefined) throw ggufError(`The tensor ${name} has the unsupported type ${type}.`, path);
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const count = (end - begin) * width;
  if ((shape.at(-1) ?? 1) % block.elements !== 0)
    throw ggufError(`The rows of ${name} are not whole ${block.name} blocks.`, path);
  const bytes = new Uint8Array((count / block.elements) * block.bytes);
  const rowBytes = (width / block.elements) * block.bytes;
  const { bytesRead } = await file.read(bytes, 0, bytes.length, byteOffset + begin * rowBytes);
  if (bytesRead !== bytes.length) throw ggufError(`The file ends inside the tensor ${name}.`, path);
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

/** GGUF's name of a parameter. */
export function ggufName(name: string): string {
  const inBlock = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  if (inBlock !== null) return `blk.${inBlock[1]}.${blockNames[inBlock[2]!]!}.${inBlock[3]}`;
  if (name === "model.embed_tokens.weight") return "token_embd.weight";
  return name === "model.norm.weight" ? "output_norm.weight" : "output.weight";
}

/** The configuration that Hugging Face would write for the file. */
function ggufConfig({ metadata, tensors }: GgufHeader, path: string): LlamaConfig {
  const architecture = String(metadata.get("general.architecture"));
  const field = (key: string): number | undefined => {
    const found = metadata.get(`${architecture}.${key}`);
    return typeof found === "bigint" ? Number(found) : typeof found === "number" ? found : undefined;
  };
  const token = (key: string): number | undefined => {
    const found = metadata.get(`tokenizer.ggml.${key}`);
    return typeof found === "number" ? found : undefined;
  };
  if (tensors.has("rope_freqs.weight"))
    throw ggufError(
      "RoPE by a table of factors (rope_freqs.weight, Llama 3.1 and later) is not supported.",
      path,
    );
  const scaling = metadata.get(`${architecture}.rope.scaling.type`);
  return parseLlamaConfig(
    {
      model_type: architecture,
      vocab_size: tensors.get("token_embd.weight")?.shape[0],
      hidden_size: field("embedding_length"),
      intermediate_size: field("feed_forward_length"),
      num_hidden_layers: field("block_count"),
      num_attention_heads: field("attention.head_count"),
      num_key_value_heads: field("attention.head_count_kv"),
      head_dim: field("attention.key_length") ?? field("rope.dimension_count"),
      rms_norm_eps: field("attention.layer_norm_rms_epsilon"),
      max_position_embeddings: field("context_length"),
      rope_theta: field("rope.freq_base"),
      rope_scaling:
        scaling === undefined || scaling === "none"
          ? null
          : {
              rope_type: scaling,
              factor: field("rope.scaling.factor"),
              original_max_position_embeddings: field("rope.scaling.original_context_length"),
            },
      attention_bias: tensors.has("blk.0.attn_q.bias"),
      mlp_bias: tensors.has("blk.0.ffn_gate.bias"),
      tie_word_embeddings: !tensors.has("output.weight"),
      bos_token_id: token("bos_token_id"),
      eos_token_id: token("eos_token_id"),
      pad_token_id: token("padding_token_id"),
    },
    path,
  );
}

/** llama.cpp's converter changes the order of a Llama's query and key rows; Qwen's stay as they are. */
function isPermuted(name: string, config: LlamaConfig): boolean {
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
