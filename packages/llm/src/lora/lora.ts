import type { ParamSpec, ValueReader, Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "../config/decoder.ts";
import { projections, type Projection, type ProjectionShape } from "../config/params.ts";

/** Low-rank adaptation (Hu et al. 2022): y = x W^T + scale (dropout(x) A^T) B^T. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  /** On the input of A, in training. Default 0. */
  readonly dropout?: number;
  /** Default q_proj and v_proj. */
  readonly targetModules?: readonly Projection[];
  /** Instead of `targetModules`, single modules by their full names, each with a rank and an alpha of its own. */
  readonly modules?: Readonly<Record<string, { readonly rank: number; readonly alpha: number }>>;
  /** Scale alpha / sqrt(rank) instead of alpha / rank (Kalajdzievski 2023). */
  readonly rsLora?: boolean;
}

const defaultTargets: readonly Projection[] = ["q_proj", "v_proj"];

/** The linear maps that an adapter changes in any layer. */
export function loraTargets(lora: LoraConfig): readonly Projection[] {
  if (lora.modules === undefined) return lora.targetModules ?? defaultTargets;
  return [...new Set(Object.keys(lora.modules).map((module) => module.split(".").at(-1) as Projection))];
}

/** The adapter of one module: rank, alpha, and the scale that follows from them. */
export interface LoraModule {
  readonly rank: number;
  readonly alpha: number;
  /** On B A. */
  readonly scale: number;
}

/**
 * The adapter's settings for one module; undefined where it leaves the module alone.
 * @param module its full name @param name the last part of it
 */
export function loraModule(lora: LoraConfig, module: string, name: Projection): LoraModule | undefined {
  const alone = lora.modules?.[module];
  if (lora.modules === undefined ? !loraTargets(lora).includes(name) : alone === undefined) return undefined;
  const { rank, alpha } = alone ?? lora;
  return { rank, alpha, scale: alpha / (lora.rsLora === true ? Math.sqrt(rank) : rank) };
}

/**
 * True for the names of an adapter's own parameters, which are what is trained when the base is frozen; also behind a
 * part's prefix.
 */
export function isLoraParam(name: string): boolean {
  return /\.lora_[AB]\.weight$/.test(name);
}

/**
 * The parameters of an adapter by PEFT's names without its prefix `base_model.model.`: A [rank, inputs], B [outputs,
 * rank].
 * @throws CorellaError `llm/lora-target`
 */
export function loraParams(config: DecoderConfig, lora: LoraConfig): Record<string, ParamSpec> {
  const params: Record<string, ParamSpec> = {};
  for (const { module, outputs, inputs, rank } of loraModules(config, lora)) {
    // PEFT's first values: A kaiming-uniform with a = sqrt(5), which is U(+-1/sqrt(inputs)); B zero.
    params[`${module}.lora_A.weight`] = { shape: [rank, inputs], init: { kind: "kaimingUniform" } };
    params[`${module}.lora_B.weight`] = { shape: [outputs, rank], init: { kind: "zeros" } };
  }
  return params;
}

/**
 * Every module that an adapter changes, in the order of computation.
 * @throws CorellaError `llm/lora-target` for modules that the decoder does not have, or for none at all
 */
export function loraModules(config: DecoderConfig, lora: LoraConfig): (ProjectionShape & LoraModule)[] {
  const targets = lora.modules === undefined ? loraTargets(lora) : Object.keys(lora.modules);
  const all = projections(config);
  const unknown = targets.find(
    (target) => !all.some(({ name, module }) => target === (lora.modules === undefined ? name : module)),
  );
  if (unknown !== undefined || targets.length === 0) {
    throw new CorellaError({
      code: "llm/lora-target",
      message:
        unknown === undefined ? "LoRA has no target modules." : `There is no module ${unknown} for LoRA.`,
      place: "targetModules",
      remedy: `Choose among ${[...new Set(all.map(({ name }) => name))].join(", ")}.`,
    });
  }
  return all.flatMap((shape) => {
    const own = loraModule(lora, shape.module, shape.name);
    return own === undefined ? [] : [{ ...shape, ...own }];
  });
}

/**
 * Adds scale B A of every adapted module to its weight: a model that needs no adapter any more. Other arrays are
 * shared, not copied.
 * @param values the base's and the adapter's
 * @throws CorellaError `llm/adapter-shape`, `llm/lora-target`
 */
export function mergeAdapter(config: DecoderConfig, lora: LoraConfig, values: Values): Values {
  const merged: Values = {};
  for (const [name, array] of Object.entries(values)) if (!isLoraParam(name)) merged[name] = array;
  for (const { module, outputs, inputs, rank, scale } of loraModules(config, lora)) {
    const a = required(values, `${module}.lora_A.weight`, rank * inputs);
    const b = required(values, `${module}.lora_B.weight`, outputs * rank);
    const weight = required(values, `${module}.weight`, outputs * inputs);
    merged[`${module}.weight`] = mergedRows(weight, a, b, scale, inputs);
  }
  return merged;
}

/**
 * Weights that are read, with an adapter merged into them as they are read: the numbers of `mergeAdapter`, without
 * holding the base.
 * @param adapter the adapter's values @param weights the base's
 * @throws CorellaError `llm/lora-target`; from `read` also `llm/adapter-shape`
 */
export function mergedReader(
  config: DecoderConfig,
  lora: LoraConfig,
  adapter: Values,
  weights: ValueReader,
): ValueReader {
  const modules = new Map(loraModules(config, lora).map((shape) => [`${shape.module}.weight`, shape]));
  return {
    async read(name, rows) {
      const weight = await weights.read(name, rows);
      const found = modules.get(name);
      if (found === undefined) return weight;
      const { module, outputs, inputs, rank, scale } = found;
      const a = required(adapter, `${module}.lora_A.weight`, rank * inputs);
      const b = required(adapter, `${module}.lora_B.weight`, outputs * rank);
      const [begin, end] = rows ?? [0, outputs];
      const ofRows = b.subarray(begin * rank, end * rank);
      return mergedRows(weight, a, ofRows, scale, inputs);
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
