import * as ort from "onnxruntime-node";
import { capture } from "../capture/capture.ts";
import type { CapturedGraph } from "../capture/captured-graph.ts";
import type { Program } from "../program/program.ts";
import type { Int8Matrix } from "../matrix/quantize.ts";
import { tf } from "../program/tf.ts";

const inputs = 64;
const outputs = 16;

const product: Program = {
  params: { weight: { shape: [outputs, inputs], init: { kind: "zeros" } } },
  tables: {},
  inputs: { x: { shape: ["batch", inputs], dtype: "float32" } },
  forward: (scope) => ({
    outputs: { y: tf.matMul(scope.input("x"), scope.param("weight"), false, true) },
  }),
};

let found: Promise<0 | 128> | undefined;

/**
 * Which zero point 8-bit weights need on this CPU. Products of uint8 activations and int8 weights (zero point 0) are the
 * fastest, but where the CPU lacks an instruction for them, onnxruntime adds pairs in 16 bits that saturate; products of
 * two uint8 operands (zero point 128) do not. One product of the largest codes tells, once in a process.
 */
export function weightZeroPoint(
  compile: (graph: CapturedGraph) => Promise<ort.InferenceSession>,
): Promise<0 | 128> {
  return (found ??= probe(compile));
}

async function probe(compile: (graph: CapturedGraph) => Promise<ort.InferenceSession>): Promise<0 | 128> {
  const matrix: Int8Matrix = {
    kind: "int8",
    shape: [outputs, inputs],
    outputAxis: 0,
    codes: new Int8Array(outputs * inputs).fill(127),
    scales: new Float32Array(outputs).fill(1),
  };
  const stored = new Map([["weight", matrix]]);
  const session = await compile(
    capture(product, { mode: "infer", trainable: new Set(), frozen: {}, stored }),
  );
  let exact = true;
  // One row and several take different kernels.
  for (const batch of [1, 8]) {
    const x = new ort.Tensor("float32", new Float32Array(batch * inputs).fill(1), [batch, inputs]);
    const results = await session.run({ "input.x": x });
    const y = (results["output.y"] as ort.Tensor).data as Float32Array;
    exact &&= y.every((value) => Math.abs(value - inputs * 127) < 1);
  }
  await session.release();
  return exact ? 0 : 128;
}
