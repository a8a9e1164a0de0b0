import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "../../config/decoder.ts";
import { parseDecoderConfig } from "../../config/hugging-face.ts";
import { ropeFrequencies } from "../../operations/rope.ts";
import type { RopeFields } from "../../config/rope.ts";
import { ggufError, type GgufHeader } from "./header.ts";

/** The tensor of a GGUF file that says by how much each pair of dimensions of RoPE turns slower: [head size / 2]. */
export const ropeFactorsName = "rope_freqs.weight";

const architectures = ["llama", "qwen2", "qwen3"];

/**
 * The decoder's configuration in a GGUF header: what Hugging Face would write for the file, parsed.
 * @param ropeFactors the tensor `rope_freqs.weight`
 * @throws CorellaError `llm/gguf`, `llm/config`, `llm/tensor-shape`
 */
export function ggufConfig(
  { metadata, tensors }: GgufHeader,
  ropeFactors: Float32Array | undefined,
  path: string,
): DecoderConfig {
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string") throw ggufError("The metadata lacks general.architecture.", path);
  if (!architectures.includes(architecture))
    throw ggufError(`The architecture ${JSON.stringify(architecture)} is not read from GGUF.`, path);
  const field = (key: string): number | undefined => {
    const found = metadata.get(`${architecture}.${key}`);
    return typeof found === "bigint" ? Number(found) : typeof found === "number" ? found : undefined;
  };
  const required = (key: string): number => {
    const found = field(key);
    if (found === undefined) throw ggufError(`The metadata lacks ${architecture}.${key}.`, path);
    return found;
  };
  const token = (key: string): number | undefined => {
    const found = metadata.get(`tokenizer.ggml.${key}`);
    return typeof found === "number" ? found : undefined;
  };
  const hiddenSize = required("embedding_length");
  const heads = required("attention.head_count");
  const headDim = field("attention.key_length") ?? field("rope.dimension_count") ?? hiddenSize / heads;
  const maxPositions = required("context_length");
  const theta = field("rope.freq_base") ?? 10_000;
  const scaling = metadata.get(`${architecture}.rope.scaling.type`);
  let rope: RopeFields | null = null;
  if (scaling !== undefined && scaling !== "none") {
    rope = {
      rope_type: String(scaling),
      factor: field("rope.scaling.factor"),
      original_max_position_embeddings: field("rope.scaling.original_context_length"),
    };
  }
  if (ropeFactors !== undefined) {
    if (rope !== null)
      throw ggufError(
        `RoPE both of type ${rope.rope_type} and by ${ropeFactorsName} is not supported.`,
        path,
      );
    rope = scaledRope(ropeFactors, theta, headDim, maxPositions, path);
  }
  return parseDecoderConfig(
    {
      model_type: architecture,
      vocab_size: tensors.get("token_embd.weight")?.shape[0],
      hidden_size: hiddenSize,
      intermediate_size: required("feed_forward_length"),
      num_hidden_layers: required("block_count"),
      num_attention_heads: heads,
      num_key_value_heads: field("attention.head_count_kv"),
      head_dim: headDim,
      rms_norm_eps: required("attention.layer_norm_rms_epsilon"),
      max_position_embeddings: maxPositions,
      rope_theta: theta,
      rope_scaling: rope,
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

/**
 * llama.cpp's converter writes the scaling of Llama 3.1 and later as a table. Where it is that of the published models it
 * gets its name back; any other is a table for Hugging Face as well.
 */
function scaledRope(
  factors: Float32Array,
  theta: number,
  headDim: number,
  maxPositions: number,
  path: string,
): RopeFields {
  if (factors.length !== headDim / 2) {
    throw new CorellaError({
      code: "llm/tensor-shape",
      message: `${ropeFactorsName} has ${factors.length} factors, heads of ${headDim} want ${headDim / 2}.`,
      place: path,
      remedy: "Download the file again.",
    });
  }
  if (!factors.every((factor) => factor > 0 && Number.isFinite(factor)))
    throw ggufError(`The factors in ${ropeFactorsName} are not all positive numbers.`, path);
  const published = { factor: Math.max(...factors), low: 1, high: 4, positions: 8192 };
  const { frequencies } = ropeFrequencies(
    {
      kind: "llama3",
      theta,
      factor: published.factor,
      lowFrequencyFactor: published.low,
      highFrequencyFactor: published.high,
      originalMaxPositions: published.positions,
    },
    headDim,
  );
  const unscaled = ropeFrequencies({ kind: "default", theta }, headDim).frequencies;
  const isPublished = factors.every(
    (factor, i) => Math.abs((frequencies[i]! * factor) / unscaled[i]! - 1) < 1e-5,
  );
  if (isPublished) {
    return {
      rope_type: "llama3",
      factor: published.factor,
      low_freq_factor: published.low,
      high_freq_factor: published.high,
      original_max_position_embeddings: published.positions,
    };
  }
  return {
    rope_type: "longrope",
    short_factor: [...factors],
    long_factor: [...factors],
    attention_factor: 1,
    original_max_position_embeddings: maxPositions,
  };
}
