import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../tf.ts";
import { elementTypes } from "./graph.ts";
import { elementType, type CaptureBackend } from "./backend.ts";
import { node, registerKernel, reshape } from "./kernels.ts";

export function reduce(
  backend: CaptureBackend,
  op: string,
  x: TensorInfo,
  axes: readonly number[],
  keepDims: boolean,
): TensorInfo {
  const shape = keepDims
    ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size))
    : x.shape.filter((_, i) => !axes.includes(i));
  // An axis of size 1 needs no arithmetic.
  if (axes.every((axis) => x.shape[axis] === 1)) return reshape(backend, x, shape);
  const name = backend.builder.node(op, [backend.name(x), backend.builder.int64(axes)], {
    keepdims: keepDims ? 1 : 0,
  });
  return backend.value(name, shape, x.dtype);
}

function axesOf(axis: unknown, shape: readonly number[]): number[] {
  return tf.util.parseAxisParam((axis ?? [...shape.keys()]) as number | number[], [...shape]);
}

for (const [kernel, op] of Object.entries({
  Sum: "ReduceSum",
  Mean: "ReduceMean",
  Min: "ReduceMin",
  Prod: "ReduceProd",
  Max: "ReduceMax",
})) {
  registerKernel(kernel, ({ inputs, attributes, backend }) => {
    let x = inputs["x"]!;
    if (x.dtype === "bool") x = node(backend, "Cast", [x], x.shape, "int32", { to: elementTypes.int32 });
    const axis = attributes["reductionIndices"] ?? attributes["axis"];
    return reduce(backend, op, x, axesOf(axis, x.shape), attributes["keepDims"] === true);
  });
}

for (const [kernel, op] of Object.entries({ All: "ReduceMin", Any: "ReduceMax" })) {
  registerKernel(kernel, ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const numbers = node(backend, "Cast", [x], x.shape, "int32", { to: elementTypes.int32 });
    const reduced = reduce(
      backend,
      op,
      numbers,
      axesOf(attributes["axis"], x.shape),
      attributes["keepDims"] === true,
    );
    return node(backend, "Cast", [reduced], reduced.shape, "bool", { to: elementTypes.bool });
  });
}

for (const [kernel, op] of Object.entries({ ArgMax: "ArgMax", ArgMin: "ArgMin" })) {
  registerKernel(kernel, ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const axis = axesOf(attributes["axis"], x.shape)[0]!;
    const shape = x.shape.filter((_, i) => i !== axis);
    const wide = node(backend, op, [x], shape, "int32", { axis, keepdims: 0 });
    return node(backend, "Cast", [wide], shape, "int32", { to: elementTypes.int32 });
  });
}

registerKernel("Cumsum", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const axis = backend.builder.constant("int64", [], [attributes["axis"] as number]);
  const name = backend.builder.node("CumSum", [backend.name(x), axis], {
    exclusive: attributes["exclusive"] === true ? 1 : 0,
    reverse: attributes["reverse"] === true ? 1 : 0,
  });
  return backend.value(name, x.shape, x.dtype);
});

registerKernel("Softmax", ({ inputs, attributes, backend }) => {
  const logits = inputs["logits"]!;
  return node(backend, "Softmax", [logits], logits.shape, "float32", { axis: attributes["dim"] as number });
});

registerKernel("LogSoftmax", ({ inputs, attributes, backend }) => {
  const logits = inputs["logits"]!;
  return node(backend, "LogSoftmax", [logits], logits.shape, "float32", {
    axis: attributes["axis"] as number,
  });
});

/** Sum of x rows by segment: x [n, ...rest], ids [n] -> [segments, ...rest]. */
registerKernel("UnsortedSegmentSum", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const ids = inputs["segmentIds"]!;
  const rest = x.shape.slice(1);
  const shape = [attributes["numSegments"] as number, ...rest];
  return scatterAdd(backend, shape, ids, x);
});

/**
 * Adds updates [n, ...rest] to zeros [rows, ...rest] at ids [n]. ScatterElements, not ScatterND: the latter adds from
 * several threads at once without a lock (onnxruntime 1.30), so repeated ids lose updates
 * (docs/decisions/0003-scatter-add.md).
 */
export function scatterAdd(
  backend: CaptureBackend,
  shape: readonly number[],
  ids: TensorInfo,
  updates: TensorInfo,
): TensorInfo {
  const zeros = backend.name(
    backend.info({ kind: "fill", value: 0, shape, type: elementType(updates.dtype) }, shape, updates.dtype),
  );
  const column = reshape(backend, ids, [ids.shape[0]!, ...shape.slice(1).map(() => 1)]);
  const spread = backend.builder.node("Expand", [backend.name(column), backend.builder.int64(updates.shape)]);
  const name = backend.builder.node("ScatterElements", [zeros, spread, backend.name(updates)], {
    axis: 0,
    reduction: "add",
  });
  return backend.value(name, shape, updates.dtype as DataType);
}
