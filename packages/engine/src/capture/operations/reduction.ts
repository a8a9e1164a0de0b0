import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { elementTypes } from "../backend/graph.ts";
import { cast, choose, node, numeric, reshape, type Kernel, type KernelTable } from "../backend/kernel.ts";

/**
 * A reduction of x along axes, which stay as axes of size 1 or go.
 * @param op an ONNX operator that takes axes as its second input, such as `ReduceSum`
 */
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

/** tfjs' axis argument as axes from 0: one, several, or all where there is none. */
function axesOf(axis: unknown, shape: readonly number[]): number[] {
  return tf.util.parseAxisParam((axis ?? [...shape.keys()]) as number | number[], [...shape]);
}

function reducing(op: string, prepare: (backend: CaptureBackend, x: TensorInfo) => TensorInfo): Kernel {
  return ({ inputs, attributes, backend }) => {
    const x = prepare(backend, inputs["x"]!);
    return reduce(backend, op, x, axesOf(attributes["axis"], x.shape), attributes["keepDims"] === true);
  };
}

function extreme(op: string): Kernel {
  return ({ inputs, attributes, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    const axes = axesOf(attributes["reductionIndices"] ?? attributes["axis"], x.shape);
    const keepDims = attributes["keepDims"] === true;
    const largest = reduce(backend, op, x, axes, keepDims);
    if (x.dtype === "int32") return largest;
    // onnxruntime overlooks NaN. A sum of absolute values is NaN only where one of them is.
    const total = reduce(backend, "ReduceL1", x, axes, keepDims);
    return choose(backend, node(backend, "IsNaN", [total], total.shape, "bool"), total, largest, "float32");
  };
}

/** All and any of bits, as the least and the largest of integers. */
function ofBits(op: string): Kernel {
  return ({ inputs, attributes, backend }) => {
    const x = cast(backend, cast(backend, inputs["x"]!, "bool"), "int32");
    const axes = axesOf(attributes["axis"], x.shape);
    return cast(backend, reduce(backend, op, x, axes, attributes["keepDims"] === true), "bool");
  };
}

/** The place of an extreme along one axis. @param least what stands for NaN, so that it is never chosen */
function placeOfExtreme(op: string, least: number): Kernel {
  return ({ inputs, attributes, backend }) => {
    let x = numeric(backend, inputs["x"]!);
    // tfjs passes over NaN unless it stands first; here always.
    if (x.dtype === "float32")
      x = choose(backend, node(backend, "IsNaN", [x], x.shape, "bool"), least, x, "float32");
    const axis = axesOf(attributes["axis"], x.shape)[0]!;
    const shape = x.shape.filter((_, i) => i !== axis);
    return toInt32(backend, node(backend, op, [x], shape, "int32", { axis, keepdims: 0 }));
  };
}

/** Indices leave onnxruntime as int64. */
export function toInt32(backend: CaptureBackend, x: TensorInfo): TensorInfo {
  return node(backend, "Cast", [x], x.shape, "int32", { to: elementTypes.int32 });
}

/** Sums, means, extremes and their places along axes. */
export const reduction: KernelTable = {
  Sum: reducing("ReduceSum", numeric),
  Prod: reducing("ReduceProd", numeric),

  // The mean of integers is a fraction.
  Mean: reducing("ReduceMean", (backend, x) => cast(backend, x, "float32")),
  Max: extreme("ReduceMax"),
  Min: extreme("ReduceMin"),
  All: ofBits("ReduceMin"),
  Any: ofBits("ReduceMax"),
  ArgMax: placeOfExtreme("ArgMax", -Infinity),
  ArgMin: placeOfExtreme("ArgMin", Infinity),
};
