import type { ParamSpec, ValueReader, Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { LlamaConfig } from "./config.ts";
import { projections, type Projection } from "./params.ts";

/** Low-rank adaptation (Hu et al. 2022): y = x W^T + scale (dropout(x) A^T) B^T. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  /** On the input of A, in training. Default 0. */
  readonly dropout?: number;
  /** Default q_proj and v_proj. */
  readonly targetModules?: readonly Projection[];
  /** Scale alpha / sqrt(rank) instead of alpha / rank (Kalajdzievski 2023). */
  readonly rsLora?: boolean;
}

const defaultTargets: readonly Projection[] = ["q_proj", "v_proj"];

export function loraTargets(lora: LoraConfig): readonly Projection[] {
  return lora.targetModules ?? defaultTargets;
}

export function loraScale(lora: LoraConfig): number {
  return lora.alpha / (lora.rsLora === true ? Math.sqrt(lora.rank) : lora.rank);
}

/** True for the adapter's own parameters: what is trained when the base is frozen. Works behind a part's prefix. */
export function isLoraParam(name: string): boolean {
  return /\.lora_[AB]\.weight$/.test(name);
}

/** The adapter's parameters by PEFT's names, without its prefix `base_model.model.`. */
export function loraParams(config: LlamaConfig, lora: LoraConfig): Record<string, ParamSpec> {
  const params: Record<string, ParamSpec> = {};
  for (const { module, outputs, inputs } of adapted(config, lora)) {
    // PEFT's first values: A kaiming-uniform with a = sqrt(5), which is U(+-1/sqrt(inputs)); B zero.
    params[`${module}.lora_A.weight`] = { shape: [lora.rank, inputs], init: { kind: "kaimingUniform" } };
    params[`${module}.lora_B.weight`] = { shape: [outputs, lora.rank], init: { kind: "zeros" } };
  }
  return params;
}

function adapted(config: LlamaConfig, lora: LoraConfig): ReturnType<typeof projections> {
  const targets = loraTargets(lora);
  const all = projections(config);
  const unknown = targets.find((target) => !all.some(({ name }) => name === target));
  if (unknown !== undefined || targets.length === 0) {
    throw new CorellaError({
      code: "llm/lora-target",
      message:
        unknown === undefined ? "LoRA has no target modules." : `There is no module ${unknown} for LoRA.`,
      place: "targetModules",
      remedy: `Choose among ${[...new Set(all.map(({ name }) => name))].join(", ")}.`,
    });
  }
  return all.filter(({ name }) => targets.includes(name));
}

/** Adds scale B A to the weights: the same model without an adapter. Other arrays are shared, not copied. */
export function mergeAdapter(config: LlamaConfig, lora: LoraConfig, values: Values): Values {
  const merged: Values = {};
  for (const [name, array] of Object.entries(values)) if (!isLoraParam(name)) merged[name] = array;
  for (const { module, outputs, inputs } of adapted(config, lora)) {
    const a = required(values, `${module}.lora_A.weight`, lora.rank * inputs);
    const b = required(values, `${module}.lora_B.weight`, outputs * lora.rank);
    const weight = required(values, `${module}.weight`, outputs * inputs);
    merged[`${module}.weight`] = mergedRows(weight, a, b, loraScale(lora), inputs);
  }
  return merged;
}

/** `mergeAdapter` on weights that are read: the same numbers, merged as they are read. */
export function mergedReader(
  config: LlamaConfig,
  lora: LoraConfig,
  adapter: Values,
  weights: ValueReader,
): ValueReader {
  const modules = new Map(adapted(config, lora).map((shape) => [`${shape.module}.weight`, shape]));
  return {
    async read(name, rows) {
      const weight = await weights.read(name, rows);
      const found = modules.get(name);
      if (found === undefined) return weight;
      const { module, outputs, inputs } = found;
      const a = required(adapter, `${module}.lora_A.weight`, lora.rank * inputs);
      const b = required(adapter, `${module}.lora_B.weight`, outputs * lora.rank);
      const [begin, end] = rows ?? [0, outputs];
      const ofRows = b.subarray(begin * lora.rank, end * lora.rank);
      return mergedRows(weight, a, ofRows, loraScale(lora), inputs);
    },
  };
}

/** W + scale B A for some rows of W and of B. */
function mergedRows(
  weight: Float32Array,
  a: Float32Array,
  b: Float32Array,
  scale: number,
  inputs: number,
): Float32Array {
  const merged = weight.slice();
  const outputs = weight.length / inputs;
  const rank = b.length / outputs;
  const row = new Float64Array(inputs);
  for (let o = 0; o < outputs; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[o * rank + r]!;
      for (let i = 0; i < inputs; i++) row[i]! += factor * a[r * inputs + i]!;
    }
    for (let i = 0; i < inputs; i++) merged[o * inputs + i]! += row[i]!;
  }
  return merged;
}

function required(values: Values, name: string, size: number): Float32Array {
  const array = values[name];
  if (array !== undefined && array.length === size) return array;
  throw new CorellaError({
    code: "llm/adapter-shape",
    message:
      array === undefined
        ? `The values lack ${name}.`
        : `${name} has ${array.length} elements and ${size} are wanted.`,
    place: name,
    remedy: "Use the adapter with the base model and the LoRA settings it was trained with.",
  });
}
