import type { Tensor } from "@tensorflow/tfjs";
import { CorellaError } from "@corella/errors";
import { updateTensors, slotNames, type Optimizer } from "../optimizer/optimizers.ts";
import type { InputSpec, Program, Values } from "../program/program.ts";
import type { StoredMatrix } from "../matrix/quantize.ts";
import { disposeKept, onBackend, trace, type Traced } from "../trace/trace.ts";
import type { CaptureBackend } from "./backend/backend.ts";
import {
  captureError,
  GraphBuilder,
  reachableNodes,
  type GraphConstant,
  type GraphInput,
  type GraphNode,
  type GraphWeight,
} from "./backend/graph.ts";
import { located } from "./located.ts";
import { resolveSymbols } from "./resolve.ts";
import { shorten } from "./shortcuts.ts";
import type { Backward } from "./backend/stored.ts";
import { factor, standInPairs, standInSizes, type Sizes, type SymbolicNumber } from "./backend/symbolic.ts";
import { captureBackendName, registeredCaptureBackend } from "./register.ts";

/** `lookups`: only the ids that a training step looks up. */
export type CaptureMode = "infer" | "lookups" | "gradients" | "train";

export interface CaptureOptions {
  readonly mode: CaptureMode;
  /** Parameters and tables to differentiate with respect to (gradients, train). */
  readonly trainable: ReadonlySet<string>;
  /** Parameters that become weights of the graph, packed once, with their values; all others are fed at each run. */
  readonly frozen: Values;
  /** Frozen matrices in other precisions than float32. */
  readonly stored?: ReadonlyMap<string, StoredMatrix>;
  /** How the gradient of a product with an int8 matrix is computed. Default exact. */
  readonly backward?: Backward | undefined;
  /** Of each trainable parameter (train). */
  readonly optimizerOf?: (name: string) => Optimizer;
}

export interface GraphOutput {
  readonly name: string;
  readonly shape: readonly SymbolicNumber[];
  readonly type: "float32" | "int32" | "bool";
}

export interface DropoutMask {
  readonly name: string;
  readonly shape: readonly SymbolicNumber[];
  /** Probability of keeping an element, a multiple of 1/256. */
  readonly keep: number;
}

/** A captured program: everything that a graph file holds, and what its runner has to feed and read. */
export interface CapturedGraph {
  readonly nodes: readonly GraphNode[];
  readonly constants: readonly GraphConstant[];
  readonly weights: readonly GraphWeight[];
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
  readonly masks: readonly DropoutMask[];
  /** In the order of the outputs `lookup.<i>.ids` and, but for the mode `lookups`, `lookup.<i>.gradient`. */
  readonly lookups: readonly { readonly table: string }[];
  /** Tables that the graph reads, fed as `table.<name>`. */
  readonly tables: readonly string[];
  /** Parameters with a gradient, in order. */
  readonly differentiated: readonly string[];
  readonly assigned: readonly string[];
}

interface RawOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: "float32" | "int32" | "bool";
}

function sameNode(a: GraphNode, b: GraphNode): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

interface RawTrace {
  readonly builder: GraphBuilder;
  readonly outputs: RawOutput[];
  readonly masks: { name: string; shape: readonly number[]; keep: number }[];
  readonly lookups: { table: string }[];
  readonly tables: Set<string>;
  readonly differentiated: string[];
  readonly assigned: string[];
}

/** The named dimensions of a program's inputs, in order of appearance. */
export function dimensionsOf(program: Program): string[] {
  const names = new Set<string>();
  for (const spec of Object.values(program.inputs)) {
    for (const dimension of spec.shape) if (typeof dimension === "string") names.add(dimension);
  }
  return [...names];
}

/** Traces a program into one graph that serves every size of its named dimensions. */
export function capture(program: Program, options: CaptureOptions): CapturedGraph {
  const dimensions = dimensionsOf(program);
  let firstError: unknown;
  for (let pair = 0; pair < standInPairs; pair++) {
    try {
      return captureWith(program, options, standInSizes(dimensions, pair));
    } catch (error) {
      // A width of the program that equals a stand-in size makes the two traces differ: other sizes may do.
      if (!CorellaError.isInstance(error) || error.code !== "engine/capture") throw error;
      firstError ??= error;
    }
  }
  throw firstError;
}

function captureWith(
  program: Program,
  options: CaptureOptions,
  { first, second }: { readonly first: Sizes; readonly second: Sizes },
): CapturedGraph {
  const a = located(() => traceOnce(program, options, first));
  const b = located(() => traceOnce(program, options, second));
  const sameNodes =
    a.builder.nodes.length === b.builder.nodes.length &&
    a.builder.nodes.every((node, i) => sameNode(node, b.builder.nodes[i]!));
  if (!sameNodes)
    throw captureError("The operations of the program depend on the size of a named dimension.");

  const reachable = reachableNodes(
    a.builder.nodes,
    a.outputs.map((output) => output.name),
  );
  const kept = shorten(reachable, [...a.builder.inputs, ...a.builder.weights]);
  const used = new Set(kept.flatMap((node) => node.inputs));
  const symbolicShape = (shape: readonly number[], other: readonly number[]): SymbolicNumber[] =>
    shape.map((size, i) => {
      const number = factor(size, other[i]!, first, second);
      if (number === undefined)
        throw captureError(`An output of size ${size} is not a product of the named dimensions.`);
      return number;
    });
  const inputs = a.builder.inputs.filter((input) => used.has(input.name));
  const resolved = resolveSymbols(
    kept,
    [...a.builder.constants.values()],
    b.builder.constants,
    a.builder.inputs,
    first,
    second,
  );
  const sizedBy = new Set(resolved.nodes.flatMap((node) => node.inputs));
  return {
    nodes: resolved.nodes,
    constants: resolved.constants,
    weights: a.builder.weights.filter((weight) => used.has(weight.name)),
    inputs: a.builder.inputs.filter((input) => inputs.includes(input) || sizedBy.has(input.name)),
    outputs: a.outputs.map((output, i) => ({
      ...output,
      shape: symbolicShape(output.shape, b.outputs[i]!.shape),
    })),
    masks: a.masks
      .map((mask, i) => ({ ...mask, shape: symbolicShape(mask.shape, b.masks[i]!.shape) }))
      .filter((mask) => used.has(mask.name)),
    lookups: a.lookups,
    tables: [...a.tables].filter((table) => used.has(`table.${table}`)),
    differentiated: a.differentiated,
    assigned: a.assigned,
  };
}

function traceOnce(program: Program, options: CaptureOptions, sizes: Sizes): RawTrace {
  const builder = new GraphBuilder();
  const backend = registeredCaptureBackend();
  const raw: RawTrace = {
    builder,
    outputs: [],
    masks: [],
    lookups: [],
    tables: new Set(),
    differentiated: [],
    assigned: [],
  };
  const size = (dimension: number | string): number =>
    typeof dimension === "number" ? dimension : sizes[dimension]!;
  const previous = backend.graph;
  backend.graph = builder;
  try {
    onBackend(captureBackendName, () => {
      const params = new Map<string, Tensor>();
      const traced = trace(
        program,
        {
          param(name, spec) {
            const matrix = options.stored?.get(name);
            if (matrix !== undefined) {
              const symbol = { kind: "stored", name: `weight.${name}`, matrix } as const;
              return backend.matrix({ ...symbol, backward: options.backward ?? "exact" });
            }
            const data = options.frozen[name];
            const value =
              data === undefined
                ? builder.input(`param.${name}`, "float32", spec.shape)
                : builder.weight({ name: `weight.${name}`, type: "float32", shape: spec.shape, data });
            const tensor = backend.tensor(value, spec.shape, "float32");
            params.set(name, tensor);
            return tensor;
          },
          input(name, spec: InputSpec) {
            const shape = spec.shape.map(size);
            return backend.tensor(builder.input(`input.${name}`, spec.dtype, spec.shape), shape, spec.dtype);
          },
          gather(table, spec, ids) {
            const feed = `table.${table}`;
            if (!raw.tables.has(table)) builder.input(feed, "float32", [spec.rows, spec.dim]);
            raw.tables.add(table);
            if (options.mode === "lookups") {
              const output = `lookup.${raw.lookups.length}.ids`;
              raw.lookups.push({ table });
              builder.output(output, backend.name(ids));
              raw.outputs.push({ name: output, shape: ids.shape, type: "int32" });
            }
            const name = builder.node("Gather", [feed, backend.name(ids)], { axis: 0 });
            return backend.tensor(name, [...ids.shape, spec.dim], "float32");
          },
          dropoutMask(shape, rate, index, certain) {
            const keep = Math.round((1 - rate) * 256) / 256;
            const name = `mask.${index}`;
            if (raw.masks[index] === undefined) {
              raw.masks.push({ name, shape, keep });
              builder.input(
                name,
                "bool",
                shape.map((_, i) => `mask${index}_${i}`),
              );
            }
            const kept = certain === undefined ? name : builder.node("And", [name, backend.name(certain)]);
            const mask = builder.node("Cast", [kept], { to: 1 });
            return backend.tensor(builder.node("Mul", [mask, builder.scalar(1 / keep)]), shape, "float32");
          },
        },
        {
          training: options.mode !== "infer",
          trainable: options.mode === "infer" || options.mode === "lookups" ? undefined : options.trainable,
        },
      );
      if (options.mode !== "lookups") collect(backend, traced, raw, options, params, program);
      disposeKept(traced);
    });
  } finally {
    backend.graph = previous;
  }
  return raw;
}

function collect(
  backend: CaptureBackend,
  traced: Traced,
  raw: RawTrace,
  options: CaptureOptions,
  params: ReadonlyMap<string, Tensor>,
  program: Program,
): void {
  const { builder } = raw;
  const emit = (name: string, tensor: Tensor): void => {
    builder.output(name, backend.name(tensor));
    raw.outputs.push({ name, shape: tensor.shape, type: tensor.dtype as RawOutput["type"] });
  };
  if (traced.loss !== undefined) emit("loss", traced.loss);
  for (const [name, tensor] of Object.entries(traced.outputs)) emit(`output.${name}`, tensor);
  traced.lookups.forEach((lookup, i) => {
    raw.lookups.push({ table: lookup.table });
    emit(`lookup.${i}.ids`, lookup.ids);
    emit(`lookup.${i}.gradient`, lookup.gradient);
  });
  for (const [name, tensor] of traced.assigned) {
    raw.assigned.push(name);
    emit(`assigned.${name}`, tensor);
  }
  const scalars = new Map<string, Tensor>();
  const scalar = (name: string): Tensor => {
    if (!scalars.has(name))
      scalars.set(name, backend.tensor(builder.input(name, "float32", []), [], "float32"));
    return scalars.get(name)!;
  };
  for (const [name, gradient] of traced.gradients) {
    raw.differentiated.push(name);
    if (options.mode !== "train") {
      emit(`gradient.${name}`, gradient);
      continue;
    }
    const optimizer = options.optimizerOf!(name);
    const group = optimizerKey(optimizer);
    const { shape } = program.params[name]!;
    const slots = slotNames(optimizer).map((slot) =>
      backend.tensor(builder.input(`slot.${slot}.${name}`, "float32", shape), shape, "float32"),
    );
    const rates = {
      rate: scalar(`rate.${group}`),
      correction: scalar(`correction.${group}`),
      decay: scalar(`decay.${group}`),
      gain: scalar(`gain.${group}`),
    };
    const updated = updateTensors(optimizer, rates, params.get(name)!, slots, gradient);
    emit(`updated.${name}`, updated.weight);
    slotNames(optimizer).forEach((slot, i) => emit(`updated.${slot}.${name}`, updated.slots[i]!));
  }
}

/** Parameters with equal optimiser settings share their step's scalars. */
export function optimizerKey(optimizer: Optimizer): string {
  return JSON.stringify(optimizer).replace(/[^a-zA-Z0-9.-]+/g, "_");
}
