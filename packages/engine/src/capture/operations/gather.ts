import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { elementTypes } from "../backend/graph.ts";
import { cast, choose, constant, elementwise, node, reshape, type KernelTable } from "../backend/kernel.ts";
import { transpose } from "./matrix.ts";
import { gatheredRows } from "../backend/stored.ts";

function gatherNd(
  backend: CaptureBackend,
  x: TensorInfo,
  indices: TensorInfo,
  batchDims: number,
): TensorInfo {
  const wide = toInt64(backend, indices);
  const depth = indices.shape.at(-1)!;
  const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(batchDims + depth)];
  return node(backend, "GatherND", [x, wide], shape, x.dtype, { batch_dims: batchDims });
}

/** What GatherND and ScatterND take as indices. */
export function toInt64(backend: CaptureBackend, x: TensorInfo): TensorInfo {
  return node(backend, "Cast", [x], x.shape, "int32", { to: elementTypes.int64 });
}

/** Elements and rows by index. */
export const gather: KernelTable = {
  GatherV2: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const indices = inputs["indices"]!;
    const axis = tf.util.parseAxisParam(attributes["axis"] as number, x.shape)[0]!;
    const given = (attributes["batchDims"] as number | undefined) ?? 0;
    const batchDims = given < 0 ? given + indices.shape.length : given;
    // Names a batch that does not fit.
    tf.backend_util.segment_util.collectGatherOpShapeInfo(x as never, indices as never, axis, batchDims);
    const symbol = backend.symbol(x);
    if (symbol.kind === "stored" && axis === 0 && batchDims === 0) {
      const rows = gatheredRows(backend.builder, symbol, backend.name(indices), indices.shape);
      return backend.value(rows, [...indices.shape, ...x.shape.slice(1)], "float32");
    }
    if (batchDims === 0) {
      const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
      return node(backend, "Gather", [x, indices], shape, x.dtype, { axis });
    }
    // GatherND picks along the first axis after the batch: x [batch, between, axis, rest] moves that axis there.
    const axes = [...x.shape.keys()];
    const between = axes.slice(batchDims, axis);
    const rest = axes.slice(axis + 1);
    const moved = transpose(backend, x, [...axes.slice(0, batchDims), axis, ...between, ...rest]);
    const picked = gatherNd(backend, moved, reshape(backend, indices, [...indices.shape, 1]), batchDims);
    // [batch, picked, between, rest] -> [batch, between, picked, rest]
    const places = [...picked.shape.keys()];
    const afterPicked = indices.shape.length;
    const afterBetween = afterPicked + between.length;
    return transpose(backend, picked, [
      ...places.slice(0, batchDims),
      ...places.slice(afterPicked, afterBetween),
      ...places.slice(batchDims, afterPicked),
      ...places.slice(afterBetween),
    ]);
  },

  GatherNd: ({ inputs, backend }) => {
    // Names indices that do not fit.
    tf.gather_util.prepareAndValidate(inputs["params"]! as never, inputs["indices"]! as never);
    return gatherNd(backend, inputs["params"]!, inputs["indices"]!, 0);
  },

  /** indices [...shape] -> [...shape, depth]: onValue at the index, offValue elsewhere. */
  OneHot: ({ inputs, attributes, backend }) => {
    const indices = inputs["indices"]!;
    const depth = attributes["depth"] as number;
    const dtype = (attributes["dtype"] as DataType | undefined) ?? "int32";
    const on = attributes["onValue"] as number;
    const off = attributes["offValue"] as number;
    const column = reshape(backend, indices, [...indices.shape, 1]);
    const places = constant(
      backend,
      [depth],
      Array.from({ length: depth }, (_, i) => i),
      "int32",
    );
    const hit = elementwise(backend, "Equal", [column, places], "bool");
    if (on === 1 && off === 0) return cast(backend, hit, dtype);
    return cast(backend, choose(backend, hit, on, off, dtype === "bool" ? "int32" : dtype), dtype);
  },
};
