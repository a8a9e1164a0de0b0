import {
  onnxRuntime,
  eagerRuntime,
  tf,
  type Batch,
  type Precision,
  type Program,
  type Runtime,
  type Tensor,
  type Values,
} from "../index.ts";
import { rotate } from "../matrix/rotation.ts";

// For tests of precisions: programs of one matrix, and what a quantised product computes, in plain arithmetic.

export const compiled: Runtime = onnxRuntime({ threads: 2 });
export const reference: Runtime = eagerRuntime("cpu");
export const quantised = ["int8", "int4"] as const;
export const normal = { kind: "normal", std: 1 } as const;

export function program(
  params: Record<string, readonly number[]>,
  forward: (param: (name: string) => Tensor, x: Tensor) => Record<string, Tensor>,
  xShape: readonly (number | string)[],
): Program {
  return {
    params: Object.fromEntries(
      Object.entries(params).map(([name, shape]) => [name, { shape, init: normal }]),
    ),
    tables: {},
    inputs: { x: { shape: xShape, dtype: xShape.length === 1 ? "int32" : "float32" } },
    forward: (scope) => ({ outputs: forward((name) => scope.param(name), scope.input("x")) }),
  };
}

export function floats(...shape: number[]): Batch {
  const length = shape.reduce((count, size) => count * size, 1);
  return { x: { shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7) * 3) } };
}

/** Cuts each row [k] into 255 steps by its largest element, as the graph does. */
export function roundedRows(x: Float32Array, k: number): Float32Array {
  return x.map((value, i) => {
    const row = x.subarray(Math.floor(i / k) * k, (Math.floor(i / k) + 1) * k);
    const scale = Math.fround(row.reduce((largest, y) => Math.max(largest, Math.abs(y)), 0) / 127);
    return scale === 0 ? 0 : Math.round(Math.fround(value / scale)) * scale;
  });
}

/** x [m, k] times w [n, k] transposed. */
export function product(x: Float32Array, w: Float32Array, k: number): Float32Array {
  const n = w.length / k;
  return Float32Array.from({ length: (x.length / k) * n }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += x[Math.floor(at / n) * k + i]! * w[(at % n) * k + i]!;
    return sum;
  });
}

/** The weights that a precision stands for, read off the reference runtime. */
export async function roundedWeight(
  values: Values,
  shape: readonly number[],
  precision: Precision,
): Promise<Float32Array> {
  // A product, so that the outputs are the rows.
  const model = program(
    { w: shape },
    (param, x) => ({ y: tf.matMul(x, param("w"), false, true), w: param("w") }),
    ["batch", shape[1]!],
  );
  const run = await reference.infer(model, values, { precision: () => precision });
  return (await run.run(floats(1, shape[1]!)))["w"]!.data as Float32Array;
}

/** Rows [k], each rotated. */
export function rotatedRows(x: Float32Array, k: number): Float32Array {
  const rows = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += k) {
    const row = Float64Array.from(x.subarray(start, start + k));
    rotate(row, k);
    rows.set(row, start);
  }
  return rows;
}
