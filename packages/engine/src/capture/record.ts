import type { Tensor } from "@tensorflow/tfjs";
import { updateTensors, slotNames } from "../optimizer/optimizers.ts";
import type { Sizes } from "../program/dimensions.ts";
import { keepOf } from "../program/dropout-masks.ts";
import type { InputSpec, Program } from "../program/program.ts";
import { disposeKept, onBackend, trace, type Traced } from "../trace/trace.ts";
import type { CaptureBackend } from "./backend/backend.ts";
import { GraphBuilder } from "./backend/graph.ts";
import { optimizerKey, type CaptureOptions } from "./captured-graph.ts";
import { captureBackendName, registeredCaptureBackend } from "./register.ts";

interface RawOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: "float32" | "int32" | "bool";
}

/** One trace of a program: a graph for one size of each named dimension, and what its outputs and inputs are. */
export interface Recording {
  readonly builder: GraphBuilder;
  readonly outputs: RawOutput[];
  readonly masks: { name: string; shape: readonly number[]; keep: number }[];
  readonly lookups: { table: string }[];
  readonly tables: Set<string>;
  readonly differentiated: string[];
  readonly assigned: string[];
}

/**
 * Runs a program, its differentiation and its update on the capture backend.
 * @throws CorellaError `engine/capture`
 */
export function record(program: Program, options: CaptureOptions, sizes: Sizes): Recording {
  const builder = new GraphBuilder();
  const backend = registeredCaptureBackend();
  const raw: Recording = {
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
            const keep = keepOf(rate);
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
  raw: Recording,
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
