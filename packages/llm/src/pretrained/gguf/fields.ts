import { ggufError, type GgufHeader, type GgufValue } from "./header.ts";

/** Reads what a file says about its architecture, and remembers what nobody has read. */
export interface GgufFields {
  /** A number, or of a list with one for each layer the one that all have. @throws CorellaError `llm/gguf` */
  number(key: string): number | undefined;
  /** @throws CorellaError `llm/gguf` where the key is missing */
  required(key: string): number;
  /** Whatever there is. */
  value(key: string): GgufValue | undefined;
  /** @throws CorellaError `llm/gguf` with a key that was not read, and would change the model */
  refuseOthers(): void;
}

/** Keys that do not change what a decoder computes. */
const harmless = /^(vocab_size|tensor_data_layout|pooling_type|rope\.scaling\.finetuned|vision\..*|mm\..*)$/;

/** Values of keys that change nothing, beside a false and a list of nothing. */
const neutral: Readonly<Record<string, number | boolean>> = {
  "attention.causal": true,
  "attention.clamp_kqv": 0,
  "attention.max_alibi_bias": 0,
  "attention.sliding_window": 0,
  attn_logit_softcapping: 0,
  embedding_scale: 1,
  expert_count: 0,
  expert_used_count: 0,
  final_logit_softcapping: 0,
  leading_dense_block_count: 0,
  logit_scale: 1,
  nextn_predict_layers: 0,
  residual_scale: 1,
  "rope.scaling.yarn_log_multiplier": 0,
};

/** The fields of a file's architecture, by their names behind it: `block_count` is `llama.block_count`. */
export function ggufFields({ metadata }: GgufHeader, architecture: string, path: string): GgufFields {
  const prefix = `${architecture}.`;
  const read = new Set<string>();
  const value = (key: string): GgufValue | undefined => {
    read.add(key);
    return metadata.get(prefix + key);
  };
  const number = (key: string): number | undefined => {
    const found = value(key);
    const all = (Array.isArray(found) ? found : found === undefined ? [] : [found]) as GgufValue[];
    const numbers = all.map(Number);
    if (all.some((one) => typeof one !== "number" && typeof one !== "bigint") || numbers.some(Number.isNaN))
      throw ggufError(`${prefix}${key} is no number.`, path);
    if (numbers.some((one) => one !== numbers[0]))
      throw ggufError(
        `${prefix}${key} differs between layers (${[...new Set(numbers)].join(", ")}), which is not supported.`,
        path,
      );
    return numbers[0];
  };
  return {
    value,
    number,
    required(key) {
      const found = number(key);
      if (found === undefined) throw ggufError(`The metadata lacks ${prefix}${key}.`, path);
      return found;
    },
    refuseOthers() {
      for (const [name, found] of metadata) {
        const key = name.slice(prefix.length);
        if (!name.startsWith(prefix) || read.has(key) || harmless.test(key)) continue;
        const plain = typeof found === "bigint" ? Number(found) : found;
        if (plain === (neutral[key] ?? false) || (Array.isArray(plain) && plain.length === 0)) continue;
        const shown = typeof plain === "object" ? "a list" : JSON.stringify(plain);
        throw ggufError(`What ${name} (${shown}) says about the model is not supported.`, path);
      }
    },
  };
}
