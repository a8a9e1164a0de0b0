import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../tf.ts";
import { elementTypes } from "./graph.ts";
import { elementType, type CaptureBackend } from "./backend.ts";
import { node, registerKernel, reshape, sameShape } from "./kernels.ts";
import { scatterAdd } from "./reduction.ts";

registerKernel("Reshape", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const size = tf.util.sizeFromShape(x.shape);
  return reshape(backend, x, tf.util.inferFromImplicitShape(attributes["shape"] as number[], size));
});

registerKernel("ExpandDims", ({ inputs, attributes, backend }) => {
  const x = inputs["input"]!;
  const dim = attributes["dim"] as number;
  const shape = [...x.shape];
  shape.splice(dim < 0 ? x.shape.length + dim + 1 : dim, 0, 1);
  return reshape(backend, x, shape);
});

function fill(backend: CaptureBackend, shape: readonly number[], value: number, dtype: DataType): TensorInfo {
  return backend.info({ kind: "fill", value, shape, type: elementType(dtype) }, shape, dtype);
}

registerKernel("Fill", ({ attributes, backend }) =>
  fill(
    backend,
    attributes["shape"] as number[],
    attributes["value"] as number,
    (attributes["dtype"] as DataType | undefined) ?? "float32",
  ),
);
registerKernel("OnesLike", ({ inputs, backend }) => fill(backend, inputs["x"]!.shape, 1, inputs["x"]!.dtype));
registerKernel("ZerosLike", ({ inputs, backend }) =>
  fill(backend, inputs["x"]!.shape, 0, inputs["x"]!.dtype),
);

registerKernel("BroadcastTo", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  return broadcastTo(backend, x, attributes["shape"] as number[]);
});

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

registerKernel("Tile", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const reps = attributes["reps"] as number[];
  const shape = x.shape.map((size, i) => size * reps[i]!);
  return backend.value(
    backend.builder.node("Tile", [backend.name(x), backend.builder.int64(reps)]),
    shape,
    x.dtype,
  );
});

registerKernel("Concat", ({ inputs, attributes, backend }) => {
  const tensors = Object.values(inputs);
  const first = tensors[0]!;
  const axis = tf.util.parseAxisParam(attributes["axis"] as number, first.shape)[0]!;
  const shape = [...first.shape];
  shape[axis] = tensors.reduce((sum, tensor) => sum + tensor.shape[axis]!, 0);
  if (tensors.length === 1) return backend.info(backend.symbol(first), shape, first.dtype);
  return node(backend, "Concat", tensors, shape, first.dtype, { axis });
});

registerKernel("Pack", ({ inputs, attributes, backend }) => {
  const tensors = Object.values(inputs);
  const first = tensors[0]!;
  const axis = attributes["axis"] as number;
  const row = [...first.shape.slice(0, axis), 1, ...first.shape.slice(axis)];
  const shape = [...first.shape.slice(0, axis), tensors.length, ...first.shape.slice(axis)];
  return node(
    backend,
    "Concat",
    tensors.map((tensor) => reshape(backend, tensor, row)),
    shape,
    first.dtype,
    { axis },
  );
});

registerKernel("Unpack", ({ inputs, attributes, backend }) => {
  const x = inputs["value"]!;
  const axis = ((attributes["axis"] as number) + x.shape.length) % x.shape.length;
  const shape = x.shape.filter((_, i) => i !== axis);
  return split(
    backend,
    x,
    Array.from({ length: x.shape[axis]! }, () => 1),
    axis,
  ).map((part) => reshape(backend, part, shape));
});

registerKernel("SplitV", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const axis = tf.util.parseAxisParam(attributes["axis"] as number, x.shape)[0]!;
  const sizes = tf.backend_util.prepareSplitSize(
    x as never,
    attributes["numOrSizeSplits"] as number[] | number,
    axis,
  );
  return split(backend, x, sizes, axis);
});

function split(backend: CaptureBackend, x: TensorInfo, sizes: readonly number[], axis: number): TensorInfo[] {
  const inputs = [backend.name(x), backend.builder.int64(sizes)];
  const names = backend.builder.nodeWithOutputs("Split", inputs, sizes.length, { axis });
  return sizes.map((size, i) => {
    const shape = [...x.shape];
    shape[axis] = size;
    return backend.value(names[i]!, shape, x.dtype);
  });
}

registerKernel("Slice", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const [begin, size] = tf.slice_util.parseSliceParams(
    x as never,
    attributes["begin"] as number[],
    attributes["size"] as number[],
  );
  return slice(backend, x, begin!, size!);
});

export function slice(
  backend: CaptureBackend,
  x: TensorInfo,
  begin: readonly number[],
  size: readonly number[],
): TensorInfo {
  const symbol = backend.symbol(x);
  if (symbol.kind === "fill") return backend.info({ ...symbol, shape: size }, size, x.dtype);
  // Only the axes that are really cut are named; untouched axes may be symbolic.
  const axes = [...x.shape.keys()].filter((axis) => begin[axis] !== 0 || size[axis] !== x.shape[axis]);
  if (axes.length === 0) return backend.info(symbol, size, x.dtype);
  const { builder } = backend;
  const starts = builder.int64(axes.map((axis) => begin[axis]!));
  const ends = builder.int64(axes.map((axis) => begin[axis]! + size[axis]!));
  return backend.value(
    builder.node("Slice", [backend.name(x), starts, ends, builder.int64(axes)]),
    size,
    x.dtype,
  );
}

registerKernel("StridedSlice", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const mask = (name: string): number => (attributes[name] as number | undefined) ?? 0;
  const info = tf.slice_util.sliceInfo(
    x.shape,
    attributes["begin"] as number[],
    attributes["end"] as number[],
    attributes["strides"] as number[],
    mask("beginMask"),
    mask("endMask"),
    mask("ellipsisMask"),
    mask("newAxisMask"),
    mask("shrinkAxisMask"),
  );
  if (info.isIdentity) return reshape(backend, x, info.finalShape);
  if (info.sliceDim0 || info.isSimpleSlice) {
    const size = tf.slice_util.computeOutShape(info.begin, info.end, info.strides);
    return reshape(backend, slice(backend, x, info.begin, size), info.finalShape);
  }
  const { builder } = backend;
  const axes = [...x.shape.keys()];
  // An end of -1 with a negative stride means "past the first element", which ONNX writes as a very small number.
  const ends = info.end.map((end, i) => (info.strides[i]! < 0 && end < 0 ? -(2 ** 31) : end));
  const name = builder.node("Slice", [
    backend.name(x),
    builder.int64(info.begin),
    builder.int64(ends),
    builder.int64(axes),
    builder.int64(info.strides),
  ]);
  const cut = tf.slice_util.computeOutShape(info.begin, info.end, info.strides);
  return reshape(backend, backend.value(name, cut, x.dtype), info.finalShape);
});

registerKernel("PadV2", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const paddings = attributes["paddings"] as [number, number][];
  const shape = x.shape.map((size, i) => size + paddings[i]![0] + paddings[i]![1]);
  if (sameShape(shape, x.shape)) return backend.info(backend.symbol(x), shape, x.dtype);
  const { builder } = backend;
  const amounts = builder.int64([...paddings.map((pair) => pair[0]), ...paddings.map((pair) => pair[1])]);
  const value = builder.scalar(attributes["constantValue"] as number, elementType(x.dtype));
  return backend.value(builder.node("Pad", [backend.name(x), amounts, value]), shape, x.dtype);
});

registerKernel("Reverse", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const axes = tf.util.parseAxisParam(attributes["dims"] as number[], x.shape);
  const { builder } = backend;
  const all = (value: number): string => builder.int64(axes.map(() => value));
  const name = builder.node("Slice", [
    backend.name(x),
    all(-1),
    all(-(2 ** 31)),
    builder.int64(axes),
    all(-1),
  ]);
  return backend.value(name, x.shape, x.dtype);
});

registerKernel("GatherV2", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  const indices = inputs["indices"]!;
  const axis = tf.util.parseAxisParam(attributes["axis"] as number, x.shape)[0]!;
  const batchDims = (attributes["batchDims"] as number | undefined) ?? 0;
  const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...x.shape.slice(axis + 1)];
  if (batchDims === 0) return node(backend, "Gather", [x, indices], shape, x.dtype, { axis });
  if (axis !== batchDims) return node(backend, "Gather", [x, indices], shape, x.dtype, { axis });
  const wide = node(backend, "Cast", [indices], indices.shape, "int32", { to: elementTypes.int64 });
  const column = reshape(backend, wide, [...indices.shape, 1]);
  return node(backend, "GatherND", [x, column], shape, x.dtype, { batch_dims: batchDims });
});

registerKernel("GatherNd", ({ inputs, backend }) => {
  const x = inputs["params"]!;
  const indices = inputs["indices"]!;
  const wide = node(backend, "Cast", [indices], indices.shape, "int32", { to: elementTypes.int64 });
  const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(indices.shape.at(-1)!)];
  return node(backend, "GatherND", [x, wide], shape, x.dtype);
});

registerKernel("ScatterNd", ({ inputs, attributes, backend }) => {
  const indices = inputs["indices"]!;
  const updates = inputs["updates"]!;
  const shape = attributes["shape"] as number[];
  const depth = indices.shape.at(-1)!;
  const count = tf.util.sizeFromShape(indices.shape.slice(0, -1));
  const cells = shape.slice(0, depth);
  const rest = shape.slice(depth);
  // Row numbers in the table of cells: sum of index * stride.
  const strides = cells.map((_, i) => tf.util.sizeFromShape(cells.slice(i + 1)));
  const { builder } = backend;
  const weights = builder.constant("int32", [depth], strides);
  const weighted = builder.node("Mul", [backend.name(reshape(backend, indices, [count, depth])), weights]);
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
});

registerKernel("OneHot", ({ inputs, attributes, backend }) => {
  const indices = inputs["indices"]!;
  const depth = attributes["depth"] as number;
  const dtype = (attributes["dtype"] as DataType | undefined) ?? "int32";
  const { builder } = backend;
  // onnxruntime has one kernel for int32 indices and a depth of the same type, that of float32 values.
  const ends = [attributes["offValue"] as number, attributes["onValue"] as number];
  const operands = [
    backend.name(indices),
    builder.constant("int32", [], [depth]),
    builder.constant("float32", [2], ends),
  ];
  let name = builder.node("OneHot", operands, { axis: -1 });
  if (dtype !== "float32") name = builder.node("Cast", [name], { to: elementTypes[elementType(dtype)] });
  return backend.value(name, [...indices.shape, depth], dtype);
});
