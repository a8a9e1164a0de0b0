import { eagerRuntime, onnxRuntime, tf, type Program, type Values } from "@corella/engine";
import { createGenerator } from "@corella/random";
import { describe, expect, test } from "vitest";
import { attention, causalBias } from "./attention.ts";
import { headCrossEntropy } from "./cross-entropy.ts";
import { gelu } from "./gelu.ts";
import { layerNorm } from "./layer-norm.ts";
import { rmsNorm } from "./rms-norm.ts";
import { rotate, rotationAt } from "./rope.ts";
import { constantRows, rowAt } from "./select.ts";
import { swiglu } from "./swiglu.ts";

type Operation = (param: (name: string) => tf.Tensor) => tf.Tensor;

const ropeConfig = { rope: { kind: "default", theta: 100 }, headDim: 4 } as const;
const index = (): tf.Tensor => tf.tensor1d([0, 1, 2], "int32");

const operations: Record<string, { shapes: Record<string, number[]>; run: Operation }> = {
  rmsNorm: { shapes: { x: [3, 5], w: [5] }, run: (param) => rmsNorm(param("x"), param("w"), 1e-5) },
  swiglu: { shapes: { gate: [3, 4], up: [3, 4] }, run: (param) => swiglu(param("gate"), param("up")) },
  rotate: {
    shapes: { x: [2, 2, 3, 4] },
    run: (param) => rotate(param("x"), rotationAt(tf.tensor2d([[0, 1, 2]], [1, 3], "int32"), ropeConfig)),
  },
  "attention with groups and padding": {
    shapes: { q: [2, 4, 3, 4], k: [2, 2, 3, 4], v: [2, 2, 3, 4] },
    run: (param) => {
      const visible = tf.tensor2d(
        [
          [1, 1, 1],
          [1, 1, 0],
        ],
        [2, 3],
        "int32",
      );
      const bias = causalBias(tf.reshape(index(), [1, 3]), index(), visible, 2);
      return attention(param("q"), param("k"), param("v"), bias);
    },
  },
  "attention with a learned bias": {
    shapes: { q: [2, 2, 3, 2], k: [2, 2, 3, 2], v: [2, 2, 3, 2], bias: [1, 2, 3, 3] },
    run: (param) => attention(param("q"), param("k"), param("v"), param("bias")),
  },
  layerNorm: {
    shapes: { x: [3, 5], w: [5], b: [5] },
    run: (param) => layerNorm(param("x"), param("w"), param("b"), 1e-5),
  },
  gelu: { shapes: { x: [3, 5] }, run: (param) => gelu(param("x")) },
  rowAt: {
    shapes: { x: [2, 3, 4] },
    run: (param) => rowAt(param("x"), tf.tensor1d([2, 1], "int32"), index()),
  },
  constantRows: { shapes: { w: [5, 3] }, run: (param) => constantRows(param("w"), [3, 1]) },
  headCrossEntropy: {
    shapes: { x: [4, 3], w: [5, 3] },
    run: (param) => headCrossEntropy(param("x"), param("w"), tf.tensor1d([0, 4, 4, 2], "int32")),
  },
};

/** The operation's output, weighted by fixed numbers, as a loss. */
function program(name: string): Program {
  const { shapes, run } = operations[name]!;
  return {
    params: Object.fromEntries(
      Object.entries(shapes).map(([key, shape]) => [key, { shape, init: { kind: "normal", std: 1 } }]),
    ),
    tables: {},
    inputs: {},
    forward(scope) {
      const y = run((key) => scope.param(key));
      const generator = createGenerator(5, name);
      const weights = tf.tensor(
        Float32Array.from({ length: y.size }, () => generator.normal()),
        y.shape,
      );
      return { loss: tf.sum(tf.mul(y, weights)), outputs: {} };
    },
  };
}

function values(name: string): Values {
  const generator = createGenerator(7, name);
  return Object.fromEntries(
    Object.entries(operations[name]!.shapes).map(([key, shape]) => [
      key,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => generator.normal()),
    ]),
  );
}

describe("gradients are those of numerical differences", () => {
  for (const name of Object.keys(operations)) {
    test(`${name}`, async () => {
      const reference = eagerRuntime("cpu");
      const point = values(name);
      const { gradients } = await (await reference.gradients(program(name), point)).run({});
      const compiled = await onnxRuntime().gradients(program(name), point);
      const fast = (await compiled.run({})).gradients;
      await compiled.dispose();
      const loss = async (at: Values): Promise<number> =>
        (await (await reference.gradients(program(name), at)).run({})).loss;
      const step = 1e-2;
      for (const [key, array] of Object.entries(point)) {
        for (let i = 0; i < array.length; i++) {
          const moved = (by: number): Values => ({
            ...point,
            [key]: array.map((value, j) => (i === j ? value + by : value)),
          });
          const slope = ((await loss(moved(step))) - (await loss(moved(-step)))) / (2 * step);
          expect(Math.abs(slope - gradients[key]![i]!), `${key}[${i}]`).toBeLessThan(5e-3);
          expect(Math.abs(fast[key]![i]! - gradients[key]![i]!), `${key}[${i}]`).toBeLessThan(1e-5);
        }
      }
    });
  }
});
