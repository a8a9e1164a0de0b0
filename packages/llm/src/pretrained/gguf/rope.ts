import { CorellaError } from "@corella/errors";
import { ropeFrequencies } from "../../operations/rope.ts";
import type { RopeFields } from "../../config/rope.ts";
import type { GgufFields } from "./fields.ts";
import { ggufError } from "./header.ts";

/** The tensors of a GGUF file that say by how much each pair of dimensions of RoPE turns slower: [head size / 2]. */
export const ropeTables = {
  all: "rope_freqs.weight",
  short: "rope_factors_short.weight",
  long: "rope_factors_long.weight",
} as const;

/** Tables of a file by their tensors' names. */
export type RopeTables = ReadonlyMap<string, Float32Array>;

/** What RoPE of a file depends on besides its own fields. */
interface RopeModel {
  readonly headDim: number;
  readonly maxPositions: number;
  readonly theta: number;
}

/**
 * The RoPE of a GGUF file in the fields of config.json; null is the plain one. llama.cpp takes a factor without a type for a
 * linear one, knows it by an older name as well, and multiplies YaRN's own factor on cosine and sine by that of the file.
 * @throws CorellaError `llm/gguf`, `llm/tensor-shape`
 */
export function ggufRope(
  fields: GgufFields,
  tables: RopeTables,
  model: RopeModel,
  path: string,
): RopeFields | null {
  const { headDim, maxPositions, theta } = model;
  const type = String(fields.value("rope.scaling.type") ?? "linear");
  const [named, old] = [fields.number("rope.scaling.factor"), fields.number("rope.scale_linear")];
  // 0 stands for no factor.
  const factor = type === "none" ? 1 : (named ?? old) || 1;
  const attention =
    (fields.number("rope.scaling.attn_factor") ?? 1) * (fields.number("rope.scaling.yarn_attn_factor") ?? 1);
  const original_max_position_embeddings = fields.number("rope.scaling.original_context_length");
  const [beta_fast, beta_slow] = [
    fields.number("rope.scaling.yarn_beta_fast"),
    fields.number("rope.scaling.yarn_beta_slow"),
  ];
  const mix = fields.number("rope.scaling.yarn_ext_factor") ?? -1;
  const table = (name: string): Float32Array | undefined => {
    const found = tables.get(name);
    if (found !== undefined) requireFactors(name, found, headDim, path);
    return found;
  };
  const all = table(ropeTables.all);
  const [short, long] = [table(ropeTables.short), table(ropeTables.long)];
  if (type === "longrope") {
    if (short === undefined || long === undefined)
      throw ggufError(`RoPE of type longrope lacks ${ropeTables.short} and ${ropeTables.long}.`, path);
    return {
      rope_type: "longrope",
      short_factor: [...short],
      long_factor: [...long],
      attention_factor: attention,
      original_max_position_embeddings: original_max_position_embeddings ?? maxPositions,
    };
  }
  if (all !== undefined) {
    if (type === "yarn" || factor !== 1)
      throw ggufError(`RoPE both of type ${type} and by ${ropeTables.all} is not supported.`, path);
    return attention === 1
      ? (llama3Fields(all, theta, headDim) ?? byTable(all, attention, maxPositions))
      : byTable(all, attention, maxPositions);
  }
  if (type === "yarn" && mix !== 0) {
    // Of files, -1 stands for llama.cpp's own choice, which is 1.
    if (mix !== 1 && mix !== -1) throw ggufError(`RoPE with yarn_ext_factor ${mix} is not supported.`, path);
    return {
      rope_type: "yarn",
      factor,
      original_max_position_embeddings,
      ...(beta_fast === undefined ? {} : { beta_fast }),
      ...(beta_slow === undefined ? {} : { beta_slow }),
      attention_factor: attention * (1 + 0.1 * Math.log(factor)),
    };
  }
  if (!["none", "linear", "yarn"].includes(type))
    return { rope_type: type, factor, original_max_position_embeddings };
  if (attention !== 1) return byTable(new Float32Array(headDim / 2).fill(factor), attention, maxPositions);
  return factor === 1 ? null : { rope_type: "linear", factor };
}

/** @throws CorellaError `llm/gguf`, `llm/tensor-shape` */
function requireFactors(name: string, factors: Float32Array, headDim: number, path: string): void {
  if (factors.length !== headDim / 2) {
    throw new CorellaError({
      code: "llm/tensor-shape",
      message: `${name} has ${factors.length} factors, heads of ${headDim} want ${headDim / 2}.`,
      place: path,
      remedy: "Download the file again.",
    });
  }
  if (!factors.every((factor) => factor > 0 && Number.isFinite(factor)))
    throw ggufError(`The factors in ${name} are not all positive numbers.`, path);
}

/**
 * llama.cpp's converter writes the scaling of Llama 3.1 and later as a table. Where it is that of the published models it
 * gets its name back; undefined for any other.
 */
function llama3Fields(factors: Float32Array, theta: number, headDim: number): RopeFields | undefined {
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
  if (!isPublished) return undefined;
  return {
    rope_type: "llama3",
    factor: published.factor,
    low_freq_factor: published.low,
    high_freq_factor: published.high,
    original_max_position_embeddings: published.positions,
  };
}

/** A factor for each pair, whatever the length: for Hugging Face the same table for short and long sequences. */
function byTable(factors: Float32Array, attentionFactor: number, maxPositions: number): RopeFields {
  return {
    rope_type: "longrope",
    short_factor: [...factors],
    long_factor: [...factors],
    attention_factor: attentionFactor,
    original_max_position_embeddings: maxPositions,
  };
}
