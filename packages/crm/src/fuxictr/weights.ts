import { CorellaError } from "@corella/errors";
import type { Specs, Values } from "@corella/engine";

/** A tensor of a FuxiCTR state dict; `data` is row-major. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Our name of each of FuxiCTR's parameters and buffers: several of its tensors may be one of ours, concatenated in
 * the order given. Buffers that have no counterpart (`num_batches_tracked`) are left out.
 * @param shapes of the state dict, in its order
 */
export function fuxiCtrNames(shapes: Readonly<Record<string, readonly number[]>>): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const name of Object.keys(shapes)) {
    if (name.endsWith("num_batches_tracked") || name.endsWith("triu_index")) continue;
    const ours = ourName(name, shapes);
    const parts = names.get(ours);
    if (parts === undefined) names.set(ours, [name]);
    else parts.push(name);
  }
  return names;
}

function ourName(name: string, shapes: Readonly<Record<string, readonly number[]>>): string {
  const table = /^(.*?)embedding_layer\.embedding_layer\.embedding_layers\.(.*)\.weight$/.exec(name);
  if (table !== null) return `${table[1]!.includes("lr_layer") ? "lr" : "embedding"}.${table[2]!}`;
  if (name.endsWith("lr_layer.bias")) return "lr.bias";
  if (/\.gating\.\d+\.weight$/.test(name)) return name.replace(/\.\d+\.weight$/, ".weight");
  const tower = /^(.*)\.mlp\.(\d+)\.(\w+)$/.exec(name);
  if (tower !== null) return towerName(tower[1]!, Number(tower[2]), tower[3]!, shapes);
  return name.replace("cross_layers.", "");
}

/** Sequential(Linear, [BatchNorm], activation, [Dropout], ...): a weight of two axes is linear, of one a normalisation. */
function towerName(
  prefix: string,
  index: number,
  tensor: string,
  shapes: Readonly<Record<string, readonly number[]>>,
): string {
  const isLinear = (i: number): boolean => shapes[`${prefix}.mlp.${i}.weight`]?.length === 2;
  let linears = 0;
  for (let i = 0; i <= index; i++) if (isLinear(i)) linears += 1;
  return `${prefix}.${linears - 1}${isLinear(index) ? "" : ".norm"}.${tensor}`;
}

/**
 * FuxiCTR's weights as values of our model.
 * @param tensors a state dict, for example read from safetensors
 * @throws CorellaError `crm/fuxictr` when a tensor of the model is missing, is of another size or has no counterpart
 */
export function fromFuxiCtr(
  specs: Pick<Specs, "params" | "tables">,
  tensors: Readonly<Record<string, NamedTensor>>,
): Values {
  const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  const values: Values = {};
  for (const [ours, theirs] of fuxiCtrNames(shapes)) {
    const size = sizeOf(specs, ours);
    if (size === undefined) throw misfit(ours, theirs, "has no counterpart in the model");
    values[ours] = concatenate(theirs.map((name) => tensors[name]!.data));
    if (values[ours].length !== size) throw misfit(ours, theirs, `is not of the model's size ${size}`);
  }
  for (const name of [...Object.keys(specs.params), ...Object.keys(specs.tables)]) {
    if (values[name] === undefined) throw misfit(name, [name], "is missing");
  }
  return values;
}

function sizeOf(specs: Pick<Specs, "params" | "tables">, name: string): number | undefined {
  const table = specs.tables[name];
  if (table !== undefined) return table.rows * table.dim;
  return specs.params[name]?.shape.reduce((product, size) => product * size, 1);
}

function misfit(ours: string, theirs: readonly string[], problem: string): CorellaError {
  return new CorellaError({
    code: "crm/fuxictr",
    message: `The tensor ${theirs.join(" + ")} ${problem}.`,
    place: ours,
    remedy: "Create the model with the configuration and the features that the weights were trained with.",
  });
}

export function concatenate(arrays: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    whole.set(array, offset);
    offset += array.length;
  }
  return whole;
}
