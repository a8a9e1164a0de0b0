import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { node, reshape, sameShape, type KernelTable } from "../backend/kernel.ts";

/** x under a larger shape to which it broadcasts. */
export function broadcastTo(backend: CaptureBackend, x: TensorInfo, shape: readonly number[]): TensorInfo {
  if (sameShape(x.shape, shape)) return backend.info(backend.symbol(x), shape, x.dtype);
  const symbol = backend.symbol(x);
  if (symbol.kind === "fill") return backend.info({ ...symbol, shape }, shape, x.dtype);
  return backend.value(
    backend.builder.node("Expand", [backend.name(x), backend.builder.int64(shape)]),
    shape,
    x.dtype,
  );
}

function concat(backend: CaptureBackend, tensors: readonly TensorInfo[], axis: number): TensorInfo {
  const shapes = tensors.map((tensor) => tensor.shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  const shape = tf.backend_util.computeOutShape(shapes, axis);
  const [first] = tensors;
  const filled = tensors.filter((tensor) => tensor.shape[axis] !== 0);
  if (filled.length > 1) return node(backend, "Concat", filled, shape, first!.dtype, { axis });
  return backend.info(backend.symbol(filled[0] ?? first!), shape, first!.dtype);
}

function split(backend: CaptureBackend, x: TensorInfo, sizes: readonly number[], axis: number): TensorInfo[] {
  if (sizes.length === 1) return [backend.info(backend.symbol(x), x.shape, x.dtype)];
  const inputs = [backend.name(x), backend.builder.int64(sizes)];
  const names = backend.builder.nodeWithOutputs("Split", inputs, sizes.length, { axis });
  return sizes.map((size, i) => {
    const shape = [...x.shape];
    shape[axis] = size;
    return backend.value(names[i]!, shape, x.dtype);
  });
}

/** Shapes, and tensors put together or taken apart. */
export const layout: KernelTable = {
  Reshape: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const size = tf.util.sizeFromShape(x.shape);
    return reshape(backend, x, tf.util.inferFromImplicitShape(attributes["shape"] as number[], size));
  },

  ExpandDims: ({ inputs, attributes, backend }) => {
    const x = inputs["input"]!;
    const dim = attributes["dim"] as number;
    tf.util.assert(
      dim >= -(x.shape.length + 1),
      () => `Axis ${dim} is not in [${-(x.shape.length + 1)}, ${x.shape.length}].`,
    );
    const shape = [...x.shape];
    shape.splice(dim < 0 ? x.shape.length + dim + 1 : dim, 0, 1);
    return reshape(backend, x, shape);
  },

  Tile: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const reps = attributes["reps"] as number[];
    const shape = x.shape.map((size, i) => size * reps[i]!);
    const symbol = backend.symbol(x);
    if (symbol.kind === "fill") return backend.info({ ...symbol, shape }, shape, x.dtype);
    if (sameShape(shape, x.shape)) return backend.info(symbol, shape, x.dtype);
    return backend.value(
      backend.builder.node("Tile", [backend.name(x), backend.builder.int64(reps)]),
      shape,
      x.dtype,
    );
  },

  Concat: ({ inputs, attributes, backend }) => {
    const tensors = Object.values(inputs);
    const [axis] = tf.util.parseAxisParam(attributes["axis"] as number, tensors[0]!.shape);
    return concat(backend, tensors, axis!);
  },

  Pack: ({ inputs, attributes, backend }) => {
    const tensors = Object.values(inputs);
    const first = tensors[0]!;
    for (const tensor of tensors) {
      tf.util.assertShapesMatch(
        first.shape,
        tensor.shape,
        "All tensors passed to stack must have matching shapes",
      );
      tf.util.assert(
        first.dtype === tensor.dtype,
        () => "All tensors passed to stack must have matching dtypes",
      );
    }
    const axis = attributes["axis"] as number;
    const row = [...first.shape.slice(0, axis), 1, ...first.shape.slice(axis)];
    const rows = tensors.map((tensor) => reshape(backend, tensor, row));
    return concat(backend, rows, axis);
  },

  Unpack: ({ inputs, attributes, backend }) => {
    const x = inputs["value"]!;
    const axis = ((attributes["axis"] as number) + x.shape.length) % x.shape.length;
    const shape = x.shape.filter((_, i) => i !== axis);
    return split(
      backend,
      x,
      Array.from({ length: x.shape[axis]! }, () => 1),
      axis,
    ).map((part) => reshape(backend, part, shape));
  },

  SplitV: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const axis = tf.util.parseAxisParam(attributes["axis"] as number, x.shape)[0]!;
    const sizes = tf.backend_util.prepareSplitSize(
      x as never,
      attributes["numOrSizeSplits"] as number[] | number,
      axis,
    );
    return split(backend, x, sizes, axis);
  },
};
