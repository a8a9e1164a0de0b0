import { CorellaError } from "@corella/errors";
import type { Specs, Values } from "@corella/engine";

/** A tensor of a FuxiCTR state dict; `data` is row-major. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Parts of a name that are called otherwise here. */
const renames: readonly (readonly [RegExp, string])[] = [
  // DCNv2
  [/^crossnet\.cross_layers\./, "crossnet."],
  [/\.gating\.\d+\.weight$/, ".gating.weight"],
  // GDCN
  [/^cross_net\.wg\./, "cross_net.gate."],
  [/^cross_net\.w\./, "cross_net.cross."],
  [/^cross_net\.b\.(\d+)$/, "cross_net.cross.$1.bias"],
  // MaskNet: a gain of all fields in place of one for each
  [/^emb_norm\.\d+\./, "emb_norm."],
  [/^mask_net\.fc\.0\./, "dnn.0."],
  [/^mask_net\./, ""],
  [/\.hidden_layer\.0\./, ".hidden_layer."],
  [/\.hidden_layer\.1\./, ".norm."],
  // FinalMLP
  [/^fs_module\.fs(\d)_gate\./, "selection$1.gate."],
  [/^fs_module\.fs(\d)_ctx_bias$/, "selection$1.context.vector"],
  [/^fs_module\.fs(\d)_ctx_emb\./, "selection$1."],
  [/^fusion_module\.w_xy$/, "fusion.w_xy.weight"],
  [/^fusion_module\./, "fusion."],
];

/** Files of weights sort names as text, 10 before 2. */
const byNumber = new Intl.Collator("en", { numeric: true });

/**
 * Our name of each of FuxiCTR's parameters and buffers: several of its tensors may be one of ours, concatenated in
 * the order of their numbers. Buffers that have no counterpart (`num_batches_tracked`) are left out.
 * @param shapes of the whole state dict
 * @param sequences those that a DIN pools by attention (`attentionSequences`)
 */
export function fuxiCtrNames(
  shapes: Readonly<Record<string, readonly number[]>>,
  sequences: readonly string[] = [],
): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const name of Object.keys(shapes)) {
    if (name.endsWith("num_batches_tracked") || name.endsWith("triu_index")) continue;
    const ours = ourName(name, shapes, sequences);
    const parts = names.get(ours);
    if (parts === undefined) names.set(ours, [name]);
    else parts.push(name);
  }
  for (const parts of names.values()) parts.sort(byNumber.compare);
  return names;
}

function ourName(
  name: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  sequences: readonly string[],
): string {
  const table = /^(.*?)(?:embedding_layer\.)+embedding_layers\.(.*)\.weight$/.exec(name);
  if (table !== null)
    return table[1]!.includes("lr_layer") ? `lr.${table[2]!}` : `${renamed(table[1]!)}embedding.${table[2]!}`;
  if (name.endsWith("lr_layer.bias")) return "lr.bias";
  const tower = /^(.*)\.mlp\.(\d+)\.([\w.]+)$/.exec(name);
  const ours = tower === null ? name : towerName(tower[1]!, Number(tower[2]), tower[3]!, shapes);
  const attention = /^attention_layers\.(\d+)\.attention_layer\.(.*)$/.exec(ours);
  if (attention !== null) return `embedding.attention.${sequences[Number(attention[1])]}.${attention[2]}`;
  return renamed(ours);
}

function renamed(name: string): string {
  return renames.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), name);
}

/**
 * Sequential(Linear, [BatchNorm], activation, [Dropout], ...): a weight of two axes is linear, one of a single axis a
 * normalisation, or without a bias PReLU's slopes; Dice has slopes and a normalisation without either.
 */
function towerName(
  prefix: string,
  index: number,
  tensor: string,
  shapes: Readonly<Record<string, readonly number[]>>,
): string {
  const isLinear = (i: number): boolean => shapes[`${prefix}.mlp.${i}.weight`]?.length === 2;
  let linears = 0;
  for (let i = 0; i <= index; i++) if (isLinear(i)) linears += 1;
  const layer = `${prefix}.${linears - 1}`;
  if (isLinear(index)) return `${layer}.${tensor}`;
  const isNorm = shapes[`${prefix}.mlp.${index}.bias`] !== undefined;
  if (isNorm) return `${layer}.norm.${tensor}`;
  return `${layer}.activation.${tensor === "weight" ? "alpha" : tensor.replace(/^bn\./, "norm.")}`;
}

/**
 * Turns a FuxiCTR state dict into values of our model.
 * @param tensors a state dict, for example read from safetensors
 * @param sequences those that a DIN pools by attention (`attentionSequences`)
 * @throws CorellaError `crm/fuxictr` when a tensor of the model is missing, is of another size or has no counterpart
 */
export function fromFuxiCtr(
  specs: Pick<Specs, "params" | "tables">,
  tensors: Readonly<Record<string, NamedTensor>>,
  sequences: readonly string[] = [],
): Values {
  const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  const values: Values = {};
  for (const [ours, theirs] of fuxiCtrNames(shapes, sequences)) {
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

/** Arrays one after the other, in a new array. */
export function concatenate(arrays: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    whole.set(array, offset);
    offset += array.length;
  }
  return whole;
}
