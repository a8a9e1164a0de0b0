import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "../../config/decoder.ts";
import { parseDecoderConfig } from "../../config/hugging-face.ts";
import { ggufFields, type GgufFields } from "./fields.ts";
import { ggufError, type GgufHeader } from "./header.ts";
import { ggufRope, type RopeTables } from "./rope.ts";
import { tokenId } from "./tokenizer.ts";

const architectures = ["llama", "qwen2", "qwen3", "gemma3"];

/**
 * The decoder's configuration in a GGUF header: what Hugging Face would write for the file, parsed. What the file says about
 * the model is used, or refused by its name.
 * @param tables the tensors of `ropeTables` that there are
 * @throws CorellaError `llm/gguf`, `llm/config`, `llm/tensor-shape`, `llm/tokenizer-mismatch`
 */
export function ggufConfig(header: GgufHeader, tables: RopeTables, path: string): DecoderConfig {
  const { metadata, tensors } = header;
  const kind = metadata.get("general.type");
  if (kind !== undefined && kind !== "model")
    throw ggufError(`The file holds no model but ${JSON.stringify(kind)} (general.type).`, path);
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string") throw ggufError("The metadata lacks general.architecture.", path);
  if (!architectures.includes(architecture))
    throw ggufError(`The architecture ${JSON.stringify(architecture)} is not read from GGUF.`, path);
  const fields = ggufFields(header, architecture, path);
  const { number, required } = fields;
  const spm = metadata.get("tokenizer.ggml.model") === "llama";
  const token = (key: string, ofSentencePiece?: number): number | undefined =>
    tokenId(metadata, key, path) ?? (spm ? ofSentencePiece : undefined);
  const hiddenSize = required("embedding_length");
  const heads = required("attention.head_count");
  const layers = required("block_count");
  const headDim = headSize(fields, hiddenSize / heads, path);
  const maxPositions = required("context_length");
  const isGemma = architecture === "gemma3";
  const theta =
    number("rope.freq_base") ??
    (isGemma ? number("rope.global.freq_base") : undefined) ??
    (isGemma ? 1e6 : 1e4);
  const vocabularySize = tensors.get("token_embd.weight")?.shape[0];
  requireVocabulary(header, vocabularySize, path);
  const rope = ggufRope(fields, tables, { headDim, maxPositions, theta }, path);
  const json = {
    model_type: isGemma ? "gemma3_text" : architecture,
    vocab_size: vocabularySize,
    hidden_size: hiddenSize,
    intermediate_size: required("feed_forward_length"),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: number("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    rms_norm_eps: required("attention.layer_norm_rms_epsilon"),
    max_position_embeddings: maxPositions,
    rope_theta: theta,
    rope_scaling: rope,
    attention_bias: tensors.has("blk.0.attn_q.bias"),
    mlp_bias: tensors.has("blk.0.ffn_gate.bias"),
    tie_word_embeddings: !tensors.has("output.weight"),
    bos_token_id: token("bos_token_id", 1),
    eos_token_id: token("eos_token_id", 2),
    pad_token_id: token("padding_token_id"),
    ...(isGemma
      ? gemmaFields(fields, { layers, headDim, hiddenSize, heads }, path)
      : windowFields(fields, architecture, maxPositions)),
  };
  fields.refuseOthers();
  return parseDecoderConfig(json, path);
}

/** Of queries, keys and values alike, all of which is rotated. @throws CorellaError `llm/gguf` */
function headSize({ number }: GgufFields, share: number, path: string): number {
  const rotated = number("rope.dimension_count");
  const keys = number("attention.key_length") ?? rotated ?? share;
  const others = {
    "rope.dimension_count": rotated,
    "attention.value_length": number("attention.value_length"),
  };
  for (const [key, size] of Object.entries(others))
    if (size !== undefined && size !== keys)
      throw ggufError(`${key} ${size} beside heads of ${keys} is not supported.`, path);
  return keys;
}

/** Without a pattern every sixth layer sees everything; the largest model divides by the root of another size. */
function gemmaFields(
  { number, value }: GgufFields,
  model: {
    readonly layers: number;
    readonly headDim: number;
    readonly hiddenSize: number;
    readonly heads: number;
  },
  path: string,
): Record<string, unknown> {
  const { layers, headDim, hiddenSize, heads } = model;
  const pattern = value("attention.sliding_window_pattern");
  const slides = Array.isArray(pattern) ? (pattern as unknown[]).map(Boolean) : undefined;
  const window = number("attention.sliding_window");
  if (window === undefined) throw ggufError("The metadata lacks gemma3.attention.sliding_window.", path);
  return {
    sliding_window: window,
    ...(slides === undefined
      ? {}
      : { layer_types: slides.map((slid) => (slid ? "sliding_attention" : "full_attention")) }),
    ...(typeof pattern === "number" ? { sliding_window_pattern: pattern } : {}),
    rope_local_base_freq: number("rope.freq_base_swa") ?? number("rope.local.freq_base") ?? 1e4,
    query_pre_attn_scalar: layers === 62 ? hiddenSize / heads : headDim,
  };
}

/** Mistral's window, which its files of the architecture llama may have. */
function windowFields(
  { number }: GgufFields,
  architecture: string,
  maxPositions: number,
): Record<string, unknown> {
  if (architecture !== "llama") return {};
  const window = number("attention.sliding_window") ?? 0;
  return window === 0 || window >= maxPositions ? {} : { model_type: "mistral", sliding_window: window };
}

/** @throws CorellaError `llm/tokenizer-mismatch` */
function requireVocabulary({ metadata }: GgufHeader, rows: number | undefined, path: string): void {
  const tokens = metadata.get("tokenizer.ggml.tokens");
  if (rows === undefined || !Array.isArray(tokens) || tokens.length <= rows) return;
  throw new CorellaError({
    code: "llm/tokenizer-mismatch",
    message: `The vocabulary has ${tokens.length} tokens, the model embeds ${rows}.`,
    place: path,
    remedy: "Download the file again.",
  });
}
