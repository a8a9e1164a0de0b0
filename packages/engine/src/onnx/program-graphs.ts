import { capture } from "../capture/capture.ts";
import { optimizerKey, type CapturedGraph } from "../capture/captured-graph.ts";
import type { GraphInput, GraphWeight } from "../capture/backend/graph.ts";
import { stepScalars } from "../optimizer/optimizers.ts";
import type { FrozenParams } from "../precision/freeze.ts";
import type { Program, Values } from "../program/program.ts";
import type { TrainOptions } from "../runtime/runtime.ts";
import type { TrainingState } from "../training/training-state.ts";

const noneTrainable: ReadonlySet<string> = new Set();

/** Forward only. Frozen parameters are weights of the graph; those that are still trained are fed at each run. */
export function inferenceGraph(program: Program, { values, stored }: FrozenParams): CapturedGraph {
  return capture(program, { mode: "infer", trainable: noneTrainable, frozen: values, stored });
}

/** Forward and backward. What has no gradient is a weight of the graph. */
export function gradientGraph(
  program: Program,
  trainable: ReadonlySet<string>,
  { values, stored, backward }: FrozenParams,
): CapturedGraph {
  return capture(program, { mode: "gradients", trainable, frozen: values, stored, backward });
}

/** Whether a training graph holds the update: clipping and accumulation need all gradients before any update. */
export function isFused({ clipNorm, accumulate = 1 }: TrainOptions): boolean {
  return clipNorm === undefined && accumulate === 1;
}

/**
 * Forward, backward and, when it is fused, update of all parameters. Parameters without an optimiser are weights of the
 * graph; assigned ones are fed.
 */
export function trainingGraph(
  program: Program,
  state: TrainingState,
  fused: boolean,
  { values, stored, backward }: FrozenParams,
): CapturedGraph {
  return capture(program, {
    mode: fused ? "train" : "gradients",
    trainable: state.trainable,
    frozen: values,
    stored,
    backward,
    optimizerOf: (name) => state.optimizerOf(name),
  });
}

/**
 * A training graph that holds one packed copy of each frozen weight. onnxruntime packs a weight for every product that
 * reads it, so x W^T forward, the same where it is recomputed and dy W backward would keep three. All but the first are
 * fed the array of the caller instead and pack it at each step: 4 % of a LoRA step, for a fifth of its memory.
 */
export function packedOnce(graph: CapturedGraph): CapturedGraph {
  const weights = new Map(graph.weights.map((weight) => [weight.name, weight]));
  const packed = new Set<string>();
  const fed = new Map<string, GraphInput>();
  const nodes = graph.nodes.map((node) => {
    const weight = node.op === "Gemm" ? weights.get(node.inputs[1]!) : undefined;
    if (weight === undefined) return node;
    if (!packed.has(weight.name)) {
      packed.add(weight.name);
      return node;
    }
    const name = weight.name.replace(/^weight\./, "param.");
    fed.set(name, { name, type: "float32", shape: weight.shape });
    return { ...node, inputs: node.inputs.map((input) => (input === weight.name ? name : input)) };
  });
  return { ...graph, nodes, inputs: [...graph.inputs, ...fed.values()] };
}

/** The part that computes which rows a batch looks up. */
export function lookupGraph(program: Program): CapturedGraph {
  return capture(program, { mode: "lookups", trainable: noneTrainable, frozen: {} });
}

/** The whole program in one graph that stands alone: tables, whose values these are, are weights of it as well. */
export function standaloneGraph(program: Program, values: Values, frozen: FrozenParams): CapturedGraph {
  const graph = inferenceGraph(program, frozen);
  const weights = defaultsOf(graph, values);
  const embedded = new Set(weights.map((weight) => weight.name));
  return {
    ...graph,
    inputs: graph.inputs.filter((input) => !embedded.has(input.name)),
    weights: [...graph.weights, ...weights],
    tables: [],
  };
}

/**
 * The graph with the current values as defaults of its inputs (ONNX: an initializer of an input's name), so that a run
 * needs only what changes: the batch, dropout masks and, from the second step on, what the last step updated.
 */
export function withCurrentValues(
  graph: CapturedGraph,
  values: Values,
  state?: TrainingState,
): CapturedGraph {
  return { ...graph, weights: [...graph.weights, ...defaultsOf(graph, values, state)] };
}

function defaultsOf(graph: CapturedGraph, values: Values, state?: TrainingState): GraphWeight[] {
  const known = new Map<string, Float32Array>();
  for (const [name, data] of Object.entries(values))
    known.set(`param.${name}`, data).set(`table.${name}`, data);
  if (state !== undefined) {
    for (const [name, data] of Object.entries(state.slots)) known.set(`slot.${name}`, data);
    for (const name of graph.differentiated) {
      const optimizer = state.optimizerOf(name);
      for (const [kind, value] of Object.entries(stepScalars(optimizer, state.step + 1, 1)))
        known.set(`${kind}.${optimizerKey(optimizer)}`, Float32Array.of(value as number));
    }
  }
  return graph.inputs.flatMap(({ name, shape }) => {
    const data = known.get(name);
    return data === undefined ? [] : [{ name, type: "float32" as const, shape: shape as number[], data }];
  });
}
