import { expect, test } from "vitest";
import { eagerRuntime, onnxRuntime, tf } from "../index.ts";

const single: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  split: (x) => tf.split(x, 1, 1)[0]!,
  unstack: (x) => tf.unstack(tf.expandDims(x, 1), 1)[0]!,
};

test.each(Object.keys(single))("the gradient goes through the only piece of a %s", async (name) => {
  const x = Float32Array.of(1, -2, 3, 0.5);
  for (const runtime of [onnxRuntime({ threads: 1 }), eagerRuntime("cpu")]) {
    const program = await runtime.gradients(
      {
        params: { x: { shape: [2, 2], init: { kind: "zeros" } } },
        tables: {},
        inputs: { weight: { shape: ["batch"], dtype: "float32" } },
        forward(scope) {
          const squares = tf.mul(single[name]!(scope.param("x")), scope.param("x"));
          return { loss: tf.mul(tf.sum(squares), tf.mean(scope.input("weight"))), outputs: {} };
        },
      },
      { x },
    );
    const { gradients } = await program.run({ weight: { shape: [1], data: Float32Array.of(1) } });
    // d sum(x²) / dx = 2 x
    expect(Array.from(gradients["x"]!)).toEqual([2, -4, 6, 1]);
    await program.dispose();
  }
});
