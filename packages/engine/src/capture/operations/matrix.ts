import type { TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../../program/tf.ts";
import type { CaptureBackend } from "../backend/backend.ts";
import {
  broadcastShape,
  fill,
  node,
  numeric,
  reshape,
  sameShape,
  type KernelTable,
} from "../backend/kernel.ts";
import { storedProduct } from "./stored-product.ts";

/** a [..., m, k] x b [..., k, n] -> [..., m, n], either operand transposed in its last two axes. */
export function matMul(
  backend: CaptureBackend,
  first: TensorInfo,
  second: TensorInfo,
  transposeFirst: boolean,
  transposeSecond: boolean,
): TensorInfo {
  // A product transposes its operands for nothing.
  const swappedA = beforeSwap(backend, first);
  const swappedB = beforeSwap(backend, second);
  const a = swappedA ?? first;
  const b = swappedB ?? second;
  const transposeA = transposeFirst !== (swappedA !== undefined);
  const transposeB = transposeSecond !== (swappedB !== undefined);
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = broadcastShape(batchA, batchB);
  const m = a.shape.at(transposeA ? -1 : -2)!;
  const n = b.shape.at(transposeB ? -2 : -1)!;
  const shape = [...batch, m, n];
  const count = tf.util.sizeFromShape(shape);
  if (count === 0 || a.shape.includes(0)) return fill(backend, shape, 0, a.dtype);
  if (a.dtype !== "float32") {
    // onnxruntime multiplies integers in this form only.
    const left = transposeA ? swapLastAxes(backend, a) : a;
    const right = transposeB ? swapLastAxes(backend, b) : b;
    return node(backend, "MatMul", [numeric(backend, left), numeric(backend, right)], shape, a.dtype);
  }
  const symbol = backend.symbol(b);
  if (symbol.kind === "stored") {
    const left = transposeA ? swapLastAxes(backend, a) : a;
    const product = storedProduct(backend.builder, backend.name(left), left.shape, symbol, transposeB);
    if (product !== undefined) return backend.value(product, shape, "float32");
  }
  // Equal batches of one stay as they are: the way back from a matrix would have to name its sizes, which may be sums of dimensions.
  const isBatch = batch.length > 0 && sameShape(batchA, batchB);
  if (!isBatch && batch.every((size) => size === 1)) {
    const left = reshape(backend, a, a.shape.slice(-2));
    const right = reshape(backend, b, b.shape.slice(-2));
    const product = node(backend, "Gemm", [left, right], [m, n], "float32", {
      transA: transposeA ? 1 : 0,
      transB: transposeB ? 1 : 0,
    });
    return reshape(backend, product, shape);
  }
  // onnxruntime's FusedMatMul transposes without a copy but does not broadcast transposed operands.
  if (sameShape(batchA, batchB)) {
    const name = backend.builder.node(
      "FusedMatMul",
      [backend.name(a), backend.name(b)],
      { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 },
      "com.microsoft",
    );
    return backend.value(name, shape, "float32");
  }
  const left = transposeA ? swapLastAxes(backend, a) : a;
  const right = transposeB ? swapLastAxes(backend, b) : b;
  return node(backend, "MatMul", [left, right], shape, "float32");
}

function swapLastAxes(backend: CaptureBackend, x: TensorInfo): TensorInfo {
  return transpose(backend, x, lastSwapped(x.shape.length));
}

function lastSwapped(rank: number): number[] {
  const order = Array.from({ length: rank }, (_, axis) => axis);
  return [...order.slice(0, -2), rank - 1, rank - 2];
}

/** What a tensor was before its last two axes were swapped; undefined for any other tensor. */
function beforeSwap(backend: CaptureBackend, x: TensorInfo): TensorInfo | undefined {
  const source = transposed(backend, x);
  const rank = x.shape.length;
  return source?.order.join() === lastSwapped(rank).join() ? source.input : undefined;
}

/** The input and the order of the transpose that made a tensor. */
function transposed(
  backend: CaptureBackend,
  x: TensorInfo,
): { input: TensorInfo; order: readonly number[] } | undefined {
  const producer = backend.producer(x);
  if (producer?.op !== "Transpose") return undefined;
  const order = producer.attributes["perm"] as readonly number[];
  const shape = order.map((_, axis) => x.shape[order.indexOf(axis)]!);
  return { input: backend.value(producer.inputs[0]!, shape, x.dtype), order };
}

/**
 * x with its axes in another order. Two transposes in a row are written as one, and moved axes of size 1 as a
 * reshape.
 */
export function transpose(backend: CaptureBackend, x: TensorInfo, order: readonly number[]): TensorInfo {
  const shape = order.map((axis) => x.shape[axis]!);
  const symbol = backend.symbol(x);
  if (symbol.kind === "fill") return backend.info({ ...symbol, shape }, shape, x.dtype);
  const before = transposed(backend, x);
  if (before !== undefined)
    return transpose(
      backend,
      before.input,
      order.map((axis) => before.order[axis]!),
    );
  // Moving axes of size 1 only is a reshape.
  const moved = order.filter((axis) => x.shape[axis] !== 1);
  if (moved.every((axis, i) => i === 0 || moved[i - 1]! < axis)) return reshape(backend, x, shape);
  return node(backend, "Transpose", [x], shape, x.dtype, { perm: order });
}

/** Matrix products and transposition. */
export const matrix: KernelTable = {
  BatchMatMul: ({ inputs, attributes, backend }) => {
    const a = inputs["a"]!;
    const b = inputs["b"]!;
    const transposeA = attributes["transposeA"] === true;
    const transposeB = attributes["transposeB"] === true;
    const inner = a.shape.at(transposeA ? -2 : -1);
    tf.util.assert(
      inner === b.shape.at(transposeB ? -1 : -2),
      () =>
        `Error in matMul: inner shapes of [${a.shape.join()}] and [${b.shape.join()}] with ` +
        `transposeA=${transposeA} and transposeB=${transposeB} must match.`,
    );
    return matMul(backend, a, b, transposeA, transposeB);
  },

  Transpose: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    return transpose(backend, x, attributes["perm"] as number[]);
  },
};
