import type { ParamSpec } from "@corella/engine";
import type { DecoderConfig } from "./decoder.ts";

/** The linear maps of a block, which LoRA can adapt, by Hugging Face's names. */
export type Projection = "q_proj" | "k_proj" | "v_proj" | "o_proj" | "gate_proj" | "up_proj" | "down_proj";

/** One linear map of one block: its module, and its weight's shape [outputs, inputs]. */
export interface ProjectionShape {
  /** For example `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly name: Projection;
  readonly outputs: number;
  readonly inputs: number;
  readonly bias: boolean;
}

/** Every linear map of all blocks, in the order of computation. */
export function projections(config: DecoderConfig): ProjectionShape[] {
  const { hiddenSize, intermediateSize, bias } = config;
  const queries = config.heads * config.headDim;
  const keys = config.keyValueHeads * config.headDim;
  return Array.from({ length: config.layers }, (_, layer) => {
    const shape = (name: Projection, outputs: number, inputs: number, hasBias: boolean): ProjectionShape => ({
      module: moduleName(layer, name),
      name,
      outputs,
      inputs,
      bias: hasBias,
    });
    return [
      shape("q_proj", queries, hiddenSize, bias.queryKeyValue),
      shape("k_proj", keys, hiddenSize, bias.queryKeyValue),
      shape("v_proj", keys, hiddenSize, bias.queryKeyValue),
      shape("o_proj", hiddenSize, queries, bias.output),
      shape("gate_proj", intermediateSize, hiddenSize, bias.mlp),
      shape("up_proj", intermediateSize, hiddenSize, bias.mlp),
      shape("down_proj", hiddenSize, intermediateSize, bias.mlp),
    ];
  }).flat();
}

/** The module of one linear map of one block, for example `model.layers.0.self_attn.q_proj`. */
export function moduleName(layer: number, name: Projection): string {
  const parent = name === "gate_proj" || name === "up_proj" || name === "down_proj" ? "mlp" : "self_attn";
  return `model.layers.${layer}.${parent}.${name}`;
}

const preNorms = ["input_layernorm", "post_attention_layernorm"];

/** The norms of a block over the hidden size; `preNorms` are those before attention and before the MLP. */
const blockNorms: Readonly<Record<DecoderConfig["architecture"], readonly string[]>> = {
  llama: preNorms,
  mistral: preNorms,
  qwen2: preNorms,
  qwen3: preNorms,
  olmo2: ["post_attention_layernorm", "post_feedforward_layernorm"],
  gemma3: [...preNorms, "pre_feedforward_layernorm", "post_feedforward_layernorm"],
};

/**
 * The parameters of a decoder by Hugging Face's names, with shapes and first values; the head only where it is not the
 * embedding matrix. An adapter's are added by `loraParams`.
 */
export function decoderParams(config: DecoderConfig): Record<string, ParamSpec> {
  const weight = { kind: "normal", std: config.initializerRange } as const;
  const zeros = { kind: "zeros" } as const;
  // Of the norms' weights; Gemma's stand for the factor 1 + w.
  const neutral = { kind: config.architecture === "gemma3" ? "zeros" : "ones" } as const;
  const params: Record<string, ParamSpec> = {
    "model.embed_tokens.weight": { shape: [config.vocabularySize, config.hiddenSize], init: weight },
  };
  for (const { module, outputs, inputs, bias } of projections(config)) {
    params[`${module}.weight`] = { shape: [outputs, inputs], init: weight };
    if (bias) params[`${module}.bias`] = { shape: [outputs], init: zeros };
  }
  for (let layer = 0; layer < config.layers; layer++) {
    const block = `model.layers.${layer}`;
    for (const norm of blockNorms[config.architecture])
      params[`${block}.${norm}.weight`] = { shape: [config.hiddenSize], init: neutral };
    if (config.queryKeyNorm !== "none") {
      const [queries, keys] = config.queryKeyNorm === "head" ? [1, 1] : [config.heads, config.keyValueHeads];
      params[`${block}.self_attn.q_norm.weight`] = { shape: [queries * config.headDim], init: neutral };
      params[`${block}.self_attn.k_norm.weight`] = { shape: [keys * config.headDim], init: neutral };
    }
  }
  params["model.norm.weight"] = { shape: [config.hiddenSize], init: neutral };
  if (!config.tieWordEmbeddings) {
    params["lm_head.weight"] = { shape: [config.vocabularySize, config.hiddenSize], init: weight };
  }
  return params;
}

/**
 * The name of the parameter whose rows are the tokens' logits: the head, or the embedding matrix where that is both.
 */
export function headName(config: DecoderConfig): string {
  return config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
}
