import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import { elementType, type CaptureBackend } from "./backend.ts";
import { elementTypes } from "./graph.ts";

/**
 * How one operation is written into the graph. `inputs` and `attributes` are those of the tfjs kernel of that name; tfjs'
 * documentation of its kernels is `kernel_names.ts` of tfjs-core. Returns the results, in the order of tfjs.
 * @throws CorellaError `engine/capture` for what a graph cannot hold
 */
export type Kernel = (call: {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly backend: CaptureBackend;
}) => TensorInfo | TensorInfo[];

/** Kernels by the names that tfjs gives them. */
export type KernelTable = Readonly<Record<string, Kernel>>;

/** One node with one output. */
export function node(
  backend: CaptureBackend,
  op: string,
  inputs: readonly TensorInfo[],
  shape: readonly number[],
  dtype: DataType,
  attributes: Parameters<CaptureBackend["builder"]["node"]>[2] = {},
): TensorInfo {
  const names = inputs.map((tensor) => backend.name(tensor));
  return backend.value(backend.builder.node(op, names, attributes), shape, dtype);
}

/** One node whose operands broadcast. A number stands for a constant of the first tensor's type. */
export function elementwise(
  backend: CaptureBackend,
  op: string,
  operands: readonly (TensorInfo | number)[],
  dtype?: DataType,
): TensorInfo {
  const tensors = operands.filter((operand) => typeof operand !== "number");
  const type = tensors[0]!.dtype;
  const shape = tensors.map((tensor) => tensor.shape).reduce(broadcastShape);
  const names = operands.map((operand) =>
    typeof operand === "number" ? backend.builder.scalar(operand, elementType(type)) : backend.name(operand),
  );
  return backend.value(backend.builder.node(op, names), shape, dtype ?? type);
}

/** Where(condition, then, else) of float32 or int32 values. */
export function choose(
  backend: CaptureBackend,
  condition: TensorInfo,
  then: TensorInfo | number,
  otherwise: TensorInfo | number,
  dtype: DataType,
): TensorInfo {
  const branch = (value: TensorInfo | number): TensorInfo =>
    typeof value === "number" ? fill(backend, [], value, dtype) : value;
  return elementwise(backend, "Where", [condition, branch(then), branch(otherwise)], dtype);
}

/** A tensor of one number. It is written into the graph only where a node reads it. */
export function fill(
  backend: CaptureBackend,
  shape: readonly number[],
  value: number,
  dtype: DataType,
): TensorInfo {
  return backend.info({ kind: "fill", value, shape, type: elementType(dtype) }, shape, dtype);
}

/** A tensor whose numbers are known at capture. */
export function constant(
  backend: CaptureBackend,
  shape: readonly number[],
  values: ArrayLike<number>,
  dtype: DataType,
): TensorInfo {
  return backend.info({ kind: "constant", values, shape, type: elementType(dtype) }, shape, dtype);
}

/** tfjs' cast: fractions are dropped, and what is not zero is true. */
export function cast(backend: CaptureBackend, x: TensorInfo, dtype: DataType): TensorInfo {
  const symbol = backend.symbol(x);
  if (dtype === x.dtype) return backend.info(symbol, x.shape, dtype);
  const type = elementType(dtype);
  if (symbol.kind === "fill") {
    const value =
      type === "int32"
        ? Math.trunc(symbol.value)
        : type === "bool"
          ? Number(symbol.value !== 0)
          : symbol.value;
    return fill(backend, x.shape, value, dtype);
  }
  return node(backend, "Cast", [x], x.shape, dtype, { to: elementTypes[type] });
}

/** The tensor itself, or bits as integers where onnxruntime computes with numbers only. */
export function numeric(backend: CaptureBackend, x: TensorInfo): TensorInfo {
  return x.dtype === "bool" ? cast(backend, x, "int32") : x;
}

/** A tensor's value under another shape. Constants stay constants, and a chain of reshapes is its last one. */
export function reshape(backend: CaptureBackend, x: TensorInfo, shape: readonly number[]): TensorInfo {
  const symbol = backend.symbol(x);
  if (symbol.kind === "fill" || symbol.kind === "constant")
    return backend.info({ ...symbol, shape }, shape, x.dtype);
  if (sameShape(x.shape, shape)) return backend.info(symbol, shape, x.dtype);
  const { builder } = backend;
  const producer = backend.producer(x);
  const source = producer?.op === "Reshape" ? producer.inputs[0]! : backend.name(x);
  const sourceShape = builder.shapes.get(source);
  if (sourceShape !== undefined && sameShape(sourceShape, shape))
    return backend.value(source, shape, x.dtype);
  return backend.value(builder.node("Reshape", [source, builder.int64(shape)]), shape, x.dtype);
}

/** The shape to which two shapes broadcast. Throws tfjs' error where they do not. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  return tf.broadcast_util.assertAndGetBroadcastShape([...a], [...b]);
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
