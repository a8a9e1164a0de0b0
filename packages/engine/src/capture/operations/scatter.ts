import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import {
  cast,
  choose,
  elementwise,
  fill,
  node,
  numeric,
  reshape,
  type KernelTable,
} from "../backend/kernel.ts";
import { toInt64 } from "./gather.ts";
import { broadcastTo } from "./layout.ts";
import { slice } from "./slicing.ts";

/** Whether no id is negative: known numbers, or those by which rows were gathered, whose gradient this sum is. */
function arePlaces(backend: CaptureBackend, ids: TensorInfo): boolean {
  const symbol = backend.symbol(ids);
  if (symbol.kind === "fill") return symbol.value >= 0;
  if (symbol.kind === "constant") return Array.from(symbol.values).every((id) => id >= 0);
  const producer = backend.producer(ids);
  const names = [symbol.name, ...(producer?.op === "Reshape" ? [producer.inputs[0]] : [])];
  return backend.builder.nodes.some(({ op, inputs }) => op === "Gather" && names.includes(inputs[1]));
}

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
  const column = reshape(backend, ids, [ids.shape[0]!, ...shape.slice(1).map(() => 1)]);
  return addElements(backend, shape, broadcastTo(backend, column, updates.shape), updates, 0);
}

/** Adds each update to zeros of the shape, at the index of the same place along one axis. */
function addElements(
  backend: CaptureBackend,
  shape: readonly number[],
  indices: TensorInfo,
  updates: TensorInfo,
  axis: number,
): TensorInfo {
  const zeros = fill(backend, shape, 0, updates.dtype);
  if (tf.util.sizeFromShape(updates.shape) === 0) return zeros;
  return node(backend, "ScatterElements", [zeros, indices, updates], shape, updates.dtype, {
    axis,
    reduction: "add",
  });
}

/** x with the updates [n, ...rest] in place of its rows at indices [n, depth]. */
function replaceAt(
  backend: CaptureBackend,
  x: TensorInfo,
  indices: TensorInfo,
  updates: TensorInfo,
): TensorInfo {
  return node(backend, "ScatterND", [x, toInt64(backend, indices), updates], x.shape, x.dtype);
}

/** Counts, or sums of weights, by value along the last axis: x [(rows,) n] -> [(rows,) size]. Others are left out. */
function binCount(
  backend: CaptureBackend,
  x: TensorInfo,
  weights: TensorInfo,
  size: number,
  binary: boolean,
): TensorInfo {
  const axis = x.shape.length - 1;
  // Values beyond the last bin share one behind it.
  const bins = elementwise(backend, "Min", [x, size]);
  const weighted = !binary && tf.util.sizeFromShape(weights.shape) > 0;
  const updates = weighted ? weights : fill(backend, x.shape, 1, weights.dtype);
  const counts = addElements(backend, [...x.shape.slice(0, -1), size + 1], bins, updates, axis);
  const wanted = slice(
    backend,
    counts,
    counts.shape.map(() => 0),
    [...x.shape.slice(0, -1), size],
  );
  return binary ? cast(backend, elementwise(backend, "Greater", [wanted, 0], "bool"), weights.dtype) : wanted;
}

/** Elements added or put at indices, and counts. */
export const scatter: KernelTable = {
  /** Sum of x rows by segment: x [n, ...rest], ids [n] -> [segments, ...rest]. Negative ids are left out. */
  UnsortedSegmentSum: ({ inputs, attributes, backend }) => {
    const x = numeric(backend, inputs["x"]!);
    const ids = inputs["segmentIds"]!;
    const segments = attributes["numSegments"] as number;
    const count = tf.util.sizeFromShape(ids.shape);
    const rest = x.shape.slice(ids.shape.length);
    const rows = reshape(backend, x, [count, ...rest]);
    const flatIds = reshape(backend, ids, [count]);
    if (arePlaces(backend, ids)) return scatterAdd(backend, [segments, ...rest], flatIds, rows);
    // ONNX counts negative ids from the end: they go to a row of their own.
    const negative = elementwise(backend, "Less", [flatIds, 0], "bool");
    const placed = choose(backend, negative, segments, flatIds, "int32");
    const sums = scatterAdd(backend, [segments + 1, ...rest], placed, rows);
    return slice(
      backend,
      sums,
      sums.shape.map(() => 0),
      [segments, ...rest],
    );
  },

  ScatterNd: ({ inputs, attributes, backend }) => {
    const indices = inputs["indices"]!;
    const updates = numeric(backend, inputs["updates"]!);
    const shape = attributes["shape"] as number[];
    // A vector of indices names rows.
    const depth = indices.shape.length > 1 ? indices.shape.at(-1)! : 1;
    const count = tf.util.sizeFromShape(indices.shape) / depth;
    const cells = shape.slice(0, depth);
    const rest = shape.slice(depth);
    // Row numbers in the table of cells: sum of index * stride.
    const strides = cells.map((_, i) => tf.util.sizeFromShape(cells.slice(i + 1)));
    const { builder } = backend;
    const weighted = builder.node("Mul", [
      backend.name(reshape(backend, indices, [count, depth])),
      builder.constant("int32", [depth], strides),
    ]);
    const ids = backend.value(
      builder.node("ReduceSum", [weighted, builder.int64([1])], { keepdims: 0 }),
      [count],
      "int32",
    );
    const rows = scatterAdd(
      backend,
      [tf.util.sizeFromShape(cells), ...rest],
      ids,
      reshape(backend, updates, [count, ...rest]),
    );
    return reshape(backend, rows, shape);
  },

  TensorScatterUpdate: ({ inputs, backend }) =>
    replaceAt(backend, inputs["tensor"]!, inputs["indices"]!, inputs["updates"]!),

  SparseToDense: ({ inputs, attributes, backend }) => {
    const values = inputs["sparseValues"]!;
    const indices = inputs["sparseIndices"]!;
    const shape = attributes["outputShape"] as number[];
    const base = broadcastTo(backend, cast(backend, inputs["defaultValue"]!, values.dtype), shape);
    // Indices may be a scalar, a list of places of a vector, or rows of places: [n, rank].
    const rows =
      indices.shape.length === 2
        ? indices
        : reshape(backend, indices, [tf.util.sizeFromShape(indices.shape), 1]);
    return replaceAt(backend, base, rows, broadcastTo(backend, values, [rows.shape[0]!]));
  },

  Bincount: ({ inputs, attributes, backend }) => {
    const flat = (x: TensorInfo): TensorInfo => reshape(backend, x, [tf.util.sizeFromShape(x.shape)]);
    const [x, weights] = [flat(inputs["x"]!), flat(inputs["weights"]!)];
    return binCount(backend, x, weights, attributes["size"] as number, false);
  },

  DenseBincount: ({ inputs, attributes, backend }) =>
    binCount(
      backend,
      inputs["x"]!,
      inputs["weights"]!,
      attributes["size"] as number,
      attributes["binaryOutput"] === true,
    ),
};
