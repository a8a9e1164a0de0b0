import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { elementTypes } from "../backend/graph.ts";
import { cast, choose, node, numeric, registerKernel, reshape } from "../backend/kernel.ts";

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

export function axesOf(axis: unknown, shape: readonly number[]): number[] {
  return tf.util.parseAxisParam((axis ?? [...shape.keys()]) as number | number[], [...shape]);
}

for (const [kernel, op] of Object.entries({ Sum: "ReduceSum", Mean: "ReduceMean", Prod: "ReduceProd" })) {
  registerKernel(kernel, ({ inputs, attributes, backend }) => {
    // The mean of integers is a fraction.
    const x = kernel === "Mean" ? cast(backend, inputs["x"]!, "float32") : numeric(backend, inputs["x"]!);
    return reduce(backend, op, x, axesOf(attributes["axis"], x.shape), attributes["keepDims"] === true);
  });
}

for (const [kernel, op] of Object.entries({ Max: "ReduceMax", Min: "ReduceMin" })) {
  registerKernel(kernel, ({ inputs, attributes, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    const axes = axesOf(attributes["reductionIndices"] ?? attributes["axis"], x.shape);
    const keepDims = attributes["keepDims"] === true;
    const extreme = reduce(backend, op, x, axes, keepDims);
    if (x.dtype === "int32") return extreme;
    // onnxruntime overlooks NaN. A sum of absolute values is NaN only where one of them is.
    const total = reduce(backend, "ReduceL1", x, axes, keepDims);
    return choose(backend, node(backend, "IsNaN", [total], total.shape, "bool"), total, extreme, "float32");
  });
}

for (const [kernel, op] of Object.entries({ All: "ReduceMin", Any: "ReduceMax" })) {
  registerKernel(kernel, ({ inputs, attributes, backend }) => {
    const x = cast(backend, cast(backend, inputs["x"]!, "bool"), "int32");
    const axes = axesOf(attributes["axis"], x.shape);
    return cast(backend, reduce(backend, op, x, axes, attributes["keepDims"] === true), "bool");
  });
}

for (const [op, least] of [
  ["ArgMax", -Infinity],
  ["ArgMin", Infinity],
] as const) {
  registerKernel(op, ({ inputs, attributes, backend }) => {
    let x = numeric(backend, inputs["x"]!);
    // tfjs passes over NaN unless it stands first; here always.
    if (x.dtype === "float32")
      x = choose(backend, node(backend, "IsNaN", [x], x.shape, "bool"), least, x, "float32");
    const axis = axesOf(attributes["axis"], x.shape)[0]!;
    const shape = x.shape.filter((_, i) => i !== axis);
    return toInt32(backend, node(backend, op, [x], shape, "int32", { axis, keepdims: 0 }));
  });
}

/** Indices leave onnxruntime as int64. */
export function toInt32(backend: CaptureBackend, x: TensorInfo): TensorInfo {
  return node(backend, "Cast", [x], x.shape, "int32", { to: elementTypes.int32 });
}
