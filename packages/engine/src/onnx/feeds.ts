import * as ort from "onnxruntime-node";
import { actualShape, type Sizes } from "../program/dimensions.ts";
import { maskBits } from "../program/dropout-masks.ts";
import { optimizerKey, type CapturedGraph } from "../capture/captured-graph.ts";
import type { BackwardPass } from "../training/gradient-sum.ts";
import type { ComputedPass } from "../training/trainer.ts";
import { refuseNegativeIds } from "../program/row-ids.ts";
import { requireValue } from "../program/values.ts";
import { slotNames, stepScalars } from "../optimizer/optimizers.ts";
import type { Batch, Output, Program, Values } from "../program/program.ts";
import type { TrainingState } from "../training/training-state.ts";

// What goes into a captured graph's session and what comes out, by the names that the graph gives them.

type Feeds = Record<string, ort.Tensor>;

/**
 * Adds what the update in a training graph reads: the step's scalars and each parameter's optimiser arrays. Feeds
 * that the graph has no input for are taken out.
 */
export function addOptimizerFeeds(
  feeds: Feeds,
  graph: CapturedGraph,
  state: TrainingState,
  scale: number,
  program: Program,
): void {
  for (const name of graph.differentiated) {
    const optimizer = state.optimizerOf(name);
    const key = optimizerKey(optimizer);
    if (feeds[`rate.${key}`] === undefined) {
      const scalars = stepScalars(optimizer, state.step + 1, scale);
      for (const [kind, value] of Object.entries(scalars)) {
        feeds[`${kind}.${key}`] = new ort.Tensor("float32", Float32Array.of(value as number), []);
      }
    }
    const { shape } = program.params[name]!;
    for (const slot of slotNames(optimizer)) {
      feeds[`slot.${slot}.${name}`] = new ort.Tensor("float32", state.slots[`${slot}.${name}`]!, shape);
    }
  }
  const wanted = new Set(graph.inputs.map((input) => input.name));
  for (const name of Object.keys(feeds)) if (!wanted.has(name)) delete feeds[name];
}

/**
 * Where a training graph writes: spare arrays for updated parameters and optimiser arrays, new ones for all other
 * outputs.
 */
export function spareOutputs(
  graph: CapturedGraph,
  state: TrainingState,
  spare: Values,
  program: Program,
): Record<string, ort.Tensor | null> {
  const fetches: Record<string, ort.Tensor | null> = Object.fromEntries(
    graph.outputs.map((output) => [output.name, null]),
  );
  for (const name of graph.differentiated) {
    const { shape } = program.params[name]!;
    const size = state.values[name]!.length;
    const keys = [name, ...slotNames(state.optimizerOf(name)).map((slot) => `${slot}.${name}`)];
    for (const key of keys)
      fetches[`updated.${key}`] = new ort.Tensor("float32", (spare[key] ??= new Float32Array(size)), shape);
  }
  return fetches;
}

/** Puts updated arrays in place of the current ones, which become the spare ones of the next step. */
export function swap(graph: CapturedGraph, state: TrainingState, spare: Values): void {
  const exchange = (current: Values, key: string): void => {
    const old = current[key]!;
    current[key] = spare[key]!;
    spare[key] = old;
  };
  for (const name of graph.differentiated) {
    exchange(state.values, name);
    for (const slot of slotNames(state.optimizerOf(name))) exchange(state.slots, `${slot}.${name}`);
  }
}

/**
 * The inputs of a graph for one batch: the batch's arrays, parameters and tables that are no weights of the graph,
 * and dropout masks.
 * @param step names the bits of dropout, with the seed
 * @throws CorellaError `engine/shape` for a value that is absent or of another size, `engine/input` for a negative id
 */
export function feedsOf(
  program: Program,
  graph: CapturedGraph,
  batch: Batch,
  values: Values,
  sizes: Sizes,
  seed: number,
  step: number,
): Feeds {
  refuseNegativeIds(graph.ids, batch);
  const feeds: Feeds = {};
  for (const { name } of graph.inputs) {
    if (name.startsWith("input.")) {
      const feed = batch[name.slice("input.".length)]!;
      feeds[name] =
        feed.data instanceof Int32Array
          ? new ort.Tensor("int32", feed.data, feed.shape)
          : new ort.Tensor("float32", feed.data, feed.shape);
    } else if (name.startsWith("param.")) {
      const param = name.slice("param.".length);
      const { shape } = program.params[param]!;
      feeds[name] = new ort.Tensor("float32", requireValue(param, shape, values[param]), shape);
    } else if (name.startsWith("table.")) {
      const table = name.slice("table.".length);
      const { rows, dim } = program.tables[table]!;
      const shape = [rows, dim];
      feeds[name] = new ort.Tensor("float32", requireValue(table, shape, values[table]), shape);
    }
  }
  for (const mask of graph.masks) {
    const shape = actualShape(mask.shape, sizes);
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    feeds[mask.name] = new ort.Tensor("bool", maskBits(mask, size, seed, step), shape);
  }
  return feeds;
}

/** What a run of a gradient or training graph computed. */
export function computedPass(
  graph: CapturedGraph,
  results: ort.InferenceSession.OnnxValueMapType,
): ComputedPass {
  return {
    loss: floats(results["loss"]!)[0]!,
    outputs: publicOutputs(results),
    assigned: Object.fromEntries(graph.assigned.map((name) => [name, floats(results[`assigned.${name}`]!)])),
    gradients: backwardPass(graph, results),
  };
}

function backwardPass(graph: CapturedGraph, results: ort.InferenceSession.OnnxValueMapType): BackwardPass {
  const dense = new Map<string, Float32Array>();
  for (const name of graph.differentiated) {
    const gradient = results[`gradient.${name}`];
    if (gradient !== undefined) dense.set(name, floats(gradient));
  }
  const lookups = graph.lookups.map(({ table }, i) => ({
    table,
    ids: (results[`lookup.${i}.ids`] as ort.Tensor).data as Int32Array,
    gradient: floats(results[`lookup.${i}.gradient`]!),
  }));
  return { dense, lookups };
}

/** The outputs that the program itself declares, by its names. */
export function publicOutputs(results: ort.InferenceSession.OnnxValueMapType): Record<string, Output> {
  const outputs: Record<string, Output> = {};
  for (const [name, value] of Object.entries(results)) {
    if (!name.startsWith("output.")) continue;
    const tensor = value as ort.Tensor;
    outputs[name.slice("output.".length)] = {
      shape: tensor.dims,
      data: tensor.data as Float32Array | Int32Array,
    };
  }
  return outputs;
}

function floats(value: ort.OnnxValue): Float32Array {
  return (value as ort.Tensor).data as Float32Array;
}
