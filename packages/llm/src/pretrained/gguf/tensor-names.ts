import type { DecoderConfig } from "../../config/decoder.ts";
import { ropeTables } from "./rope.ts";

/** Of a block, by Hugging Face's names. */
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

/** Of Gemma 3's norms, which stand on both sides of attention and MLP. */
const gemmaNames: Readonly<Record<string, string>> = {
  ...blockNames,
  post_attention_layernorm: "post_attention_norm",
  pre_feedforward_layernorm: "ffn_norm",
  post_feedforward_layernorm: "post_ffw_norm",
};

/** The name in GGUF files of a parameter with Hugging Face's name. */
export function ggufName(name: string, architecture: DecoderConfig["architecture"] = "llama"): string {
  const names = architecture === "gemma3" ? gemmaNames : blockNames;
  const inBlock = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  if (inBlock !== null) return `blk.${inBlock[1]}.${names[inBlock[2]!]!}.${inBlock[3]}`;
  if (name === "model.embed_tokens.weight") return "token_embd.weight";
  return name === "model.norm.weight" ? "output_norm.weight" : "output.weight";
}

/**
 * Whether a tensor that is no parameter changes nothing: tables that were read elsewhere, angles that follow from the
 * configuration, and what sees pictures.
 */
export function isBesideTheModel(stored: string): boolean {
  return (
    Object.values<string>(ropeTables).includes(stored) ||
    /\.(attn_rot_embd|rotary_emb\.inv_freq)(\.weight)?$|^(v|mm)\./.test(stored)
  );
}
