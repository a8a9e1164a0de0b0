import { expect, test } from "vitest";
import { eagerRuntime, initialValues, onnxRuntime, tf, type Program } from "../index.ts";
import { capture } from "./capture.ts";

const init = { kind: "uniform", limit: 0.5 } as const;

/** One layer whose product is read once or twice, and two outputs that are one value. */
function layer(twice: boolean, biasSize = 3): Program {
  return {
    params: { weight: { shape: [3, 4], init }, bias: { shape: [biasSize], init } },
    tables: {},
    inputs: { x: { shape: ["batch", 4], dtype: "float32" } },
    forward(scope) {
      const product = tf.matMul(scope.input("x"), scope.param("weight"), false, true);
      const sum = tf.relu(tf.add(scope.param("bias"), product));
      return {
        loss: tf.mean(tf.square(twice ? tf.add(sum, product) : sum)),
        outputs: { sum, same: sum, x: scope.input("x") },
      };
    },
  };
}

function operations(program: Program): string[] {
  const graph = capture(program, { mode: "infer", trainable: new Set(), frozen: {} });
  return graph.nodes.map(({ op, inputs }) => `${op}/${inputs.length}`);
}

test("a bias joins the product before it, and values are outputs without copies", () => {
  const operationsOfOne = operations(layer(false));
  expect(operationsOfOne.slice(0, 2)).toEqual(["Gemm/3", "Relu/1"]);
  // Only the second name of the sum and the input itself are copies.
  expect(operationsOfOne.filter((operation) => operation === "Identity/1")).toHaveLength(2);
});

test("a product that is read twice, or whose bias is not as wide, stays", () => {
  expect(operations(layer(true)).slice(0, 2)).toEqual(["Gemm/2", "Add/2"]);
  expect(operations(layer(false, 1)).slice(0, 2)).toEqual(["Gemm/2", "Add/2"]);
});

for (const [name, program] of Object.entries({
  merged: layer(false),
  "read twice": layer(true),
  "one bias for all": layer(false, 1),
})) {
  test(`values and gradients of a layer, ${name}`, async () => {
    const values = initialValues(program, 3);
    const x = {
      shape: [5, 4] as const,
      data: Float32Array.from({ length: 20 }, (_, i) => Math.sin(i * 1.7)),
    };
    const run = await onnxRuntime().gradients(program, values);
    const actual = await run.run({ x });
    const expected = await (await eagerRuntime("cpu").gradients(program, values)).run({ x });
    expect(actual.loss).toBeCloseTo(expected.loss, 6);
    expect(actual.outputs["same"]).toEqual(actual.outputs["sum"]);
    expect(actual.outputs["x"]!.data).toEqual(x.data);
    for (const [key, gradient] of Object.entries(expected.gradients))
      gradient.forEach((value, i) => expect(actual.gradients[key]![i]).toBeCloseTo(value, 6));
    await run.dispose();
  });
}
