import type { DataType, KernelConfig, TensorInfo } from "@tensorflow/tfjs";
import { tf } from "../tf.ts";
import { captureBackendName, type CaptureBackend } from "./backend.ts";
import { captureError } from "./graph.ts";

/** One kernel as a small function; `inputs` and `attributes` are those of the tfjs kernel of that name. */
export type Kernel = (arguments_: {
  inputs: Record<string, TensorInfo>;
  attributes: Record<string, unknown>;
  backend: CaptureBackend;
}) => TensorInfo | TensorInfo[];

export function registerKernel(name: string, kernel: Kernel): void {
  const config: KernelConfig = {
    kernelName: name,
    backendName: captureBackendName,
    kernelFunc: ({ inputs, attrs, backend }) =>
      kernel({
        inputs: inputs as Record<string, TensorInfo>,
        attributes: (attrs ?? {}) as Record<string, unknown>,
        backend: backend as CaptureBackend,
      }),
  };
  tf.registerKernel(config);
}

/** Names every kernel that a program needs and the capture lacks, before tfjs reports it in its own words. */
export function requireKernel(name: string): void {
  if (tf.getKernel(name, captureBackendName) === undefined) {
    throw captureError(`The operation ${name} cannot be captured.`);
  }
}

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

/** The same value under another shape. Constants stay constants. */
export function reshape(backend: CaptureBackend, x: TensorInfo, shape: readonly number[]): TensorInfo {
  const symbol = backend.symbol(x);
  if (symbol.kind !== "value") return backend.info({ ...symbol, shape }, shape, x.dtype);
  if (x.shape.join() === shape.join()) return backend.value(symbol.name, shape, x.dtype);
  const name = backend.builder.node("Reshape", [symbol.name, backend.builder.int64(shape)]);
  return backend.value(name, shape, x.dtype);
}

export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  return tf.broadcast_util.assertAndGetBroadcastShape([...a], [...b]);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
