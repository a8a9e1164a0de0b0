import { capture, optimizerKey, type CapturedGraph } from "./capture/capture.ts";
import type { GraphWeight } from "./capture/graph.ts";
import { stepScalars } from "./optimizers.ts";
import type { Program, Values } from "./program.ts";
import type { TrainingState } from "./training-state.ts";

const noneTrainable: ReadonlySet<string> = new Set();

/** Forward only. Parameters are weights of the graph, or, for values that are still trained, fed at each run. */
export function inferenceGraph(program: Program, values: Values, live: boolean): CapturedGraph {
  const frozen = live ? {} : pick(values, Object.keys(program.params));
  return capture(program, { mode: "infer", trainable: noneTrainable, frozen });
}

/** Forward and backward. What has no gradient is a weight of the graph. */
export function gradientGraph(
  program: Program,
  values: Values,
  trainable: ReadonlySet<string>,
): CapturedGraph {
  const frozen = pick(
    values,
    Object.keys(program.params).filter((name) => !trainable.has(name)),
  );
  return capture(program, { mode: "gradients", trainable, frozen });
}

/**
 * Forward, backward and, when it is fused, update of all parameters. Parameters without an optimiser are weights of the
 * graph; assigned ones are fed.
 */
export function trainingGraph(program: Program, state: TrainingState, fused: boolean): CapturedGraph {
  const { trainable } = state;
  const isFrozen = (name: string): boolean =>
    !trainable.has(name) && program.params[name]!.trainable !== false;
  return capture(program, {
    mode: fused ? "train" : "gradients",
    trainable,
    frozen: pick(state.values, Object.keys(program.params).filter(isFrozen)),
    optimizerOf: (name) => state.optimizerOf(name),
  });
}

/** The part that computes which rows a batch looks up. */
export function lookupGraph(program: Program): CapturedGraph {
  return capture(program, { mode: "lookups", trainable: noneTrainable, frozen: {} });
}

/** Parameters and tables that may have a gradient and that are accepted. */
export function trainableNames(program: Program, accept: (name: string) => boolean): ReadonlySet<string> {
  const names = [...Object.keys(program.params), ...Object.keys(program.tables)];
  return new Set(names.filter((name) => program.params[name]?.trainable !== false && accept(name)));
}

/** The whole program in one graph that stands alone: tables are weights of it as well. */
export function standaloneGraph(program: Program, values: Values): CapturedGraph {
  const graph = inferenceGraph(program, values, false);
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

function pick(values: Values, names: readonly string[]): Values {
  const picked: Values = {};
  for (const name of names) if (values[name] !== undefined) picked[name] = values[name];
  return picked;
}
