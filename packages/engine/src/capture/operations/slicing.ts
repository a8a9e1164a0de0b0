import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import { reshape, type KernelTable } from "../backend/kernel.ts";

/** Before the first element, as the end of a slice that runs backwards. */
const beforeFirst = -(2 ** 31);

/** The part of x that begins at `begin` and is as large as `size`. */
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

/** x with some axes reversed. */
export function reverse(backend: CaptureBackend, x: TensorInfo, dims: readonly number[]): TensorInfo {
  const axes = dims.filter((axis) => x.shape[axis] !== 1);
  const symbol = backend.symbol(x);
  if (axes.length === 0 || symbol.kind === "fill") return backend.info(symbol, x.shape, x.dtype);
  const { builder } = backend;
  const all = (value: number): string => builder.int64(axes.map(() => value));
  const name = builder.node("Slice", [
    backend.name(x),
    all(-1),
    all(beforeFirst),
    builder.int64(axes),
    all(-1),
  ]);
  return backend.value(name, x.shape, x.dtype);
}

/** Parts of a tensor, and reversed axes. */
export const slicing: KernelTable = {
  Slice: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const [begin, size] = tf.slice_util.parseSliceParams(
      x as never,
      attributes["begin"] as number[],
      attributes["size"] as number[],
    );
    tf.slice_util.assertParamsValid(x, begin!, size!);
    return slice(backend, x, begin!, size!);
  },

  StridedSlice: ({ inputs, attributes, backend }) => {
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
    // An end of -1 with a negative stride means "past the first element".
    const ends = info.end.map((end, i) => (info.strides[i]! < 0 && end < 0 ? beforeFirst : end));
    const name = builder.node("Slice", [
      backend.name(x),
      builder.int64(info.begin),
      builder.int64(ends),
      builder.int64(axes),
      builder.int64(info.strides),
    ]);
    const cut = tf.slice_util.computeOutShape(info.begin, info.end, info.strides);
    return reshape(backend, backend.value(name, cut, x.dtype), info.finalShape);
  },

  Reverse: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    return reverse(backend, x, tf.util.parseAxisParam(attributes["dims"] as number[], x.shape));
  },

  /** Images [batch, height, width, channels], mirrored left to right. */
  FlipLeftRight: ({ inputs, backend }) => reverse(backend, inputs["image"]!, [2]),
};
