import type { TensorInfo } from "@tensorflow/tfjs";
import type { CaptureBackend } from "./backend.ts";
import { broadcastShape, node, registerKernel, reshape, sameShape } from "./kernels.ts";

registerKernel("BatchMatMul", ({ inputs, attributes, backend }) =>
  matMul(
    backend,
    inputs["a"]!,
    inputs["b"]!,
    attributes["transposeA"] === true,
    attributes["transposeB"] === true,
  ),
);

/** a [..., m, k] x b [..., k, n] -> [..., m, n], either operand transposed in its last two axes. */
export function matMul(
  backend: CaptureBackend,
  a: TensorInfo,
  b: TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
): TensorInfo {
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = broadcastShape(batchA, batchB);
  const m = a.shape.at(transposeA ? -1 : -2)!;
  const n = b.shape.at(transposeB ? -2 : -1)!;
  const shape = [...batch, m, n];
  if (batch.every((size) => size === 1)) {
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
  const order = [...x.shape.keys()];
  const last = order.length - 1;
  order[last] = last - 1;
  order[last - 1] = last;
  return transpose(backend, x, order);
}

export function transpose(backend: CaptureBackend, x: TensorInfo, order: readonly number[]): TensorInfo {
  const shape = order.map((axis) => x.shape[axis]!);
  const symbol = backend.symbol(x);
  if (symbol.kind === "fill") return backend.info({ ...symbol, shape }, shape, x.dtype);
  // Moving axes of size 1 only is a reshape.
  const moved = order.filter((axis) => x.shape[axis] !== 1);
  if (moved.every((axis, i) => i === 0 || moved[i - 1]! < axis)) return reshape(backend, x, shape);
  return node(backend, "Transpose", [x], shape, x.dtype, { perm: order });
}

registerKernel("Transpose", ({ inputs, attributes, backend }) => {
  const x = inputs["x"]!;
  return transpose(backend, x, attributes["perm"] as number[]);
});
