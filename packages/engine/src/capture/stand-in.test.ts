import { expect, test } from "vitest";
import { eagerRuntime, initialValues, onnxRuntime, tf, type Program } from "../index.ts";

/**
 * Two layers of the given width and of 10, split again: the split's sizes [width, 10] and the reshape's [batch, 10]
 * are the same constant where the width is the size that stands in for the batch.
 */
function model(width: number): Program {
  const init = { kind: "xavierNormal" } as const;
  return {
    params: { wide: { shape: [width, 4], init }, ten: { shape: [10, 4], init } },
    tables: {},
    inputs: { x: { shape: ["batch", 4], dtype: "float32" } },
    forward(scope) {
      const x = scope.input("x");
      const wide = tf.tanh(tf.matMul(x, scope.param("wide"), false, true));
      const ten = tf.reshape(tf.matMul(x, scope.param("ten"), false, true), [-1, 2, 5]);
      const flat = tf.reshape(tf.tanh(ten), [-1, 10]);
      const [a, b] = tf.split(tf.concat([wide, flat], 1), [width, 10], 1);
      const total = tf.add(tf.sum(tf.square(a!), 1), tf.sum(b!, 1));
      return { loss: tf.mean(tf.square(total)), outputs: { total } };
    },
  };
}

for (const width of [11, 31, 59, 83, 22]) {
  test(`a width of ${width} is not taken for the batch`, async () => {
    const program = model(width);
    const values = initialValues(program, 1);
    const run = await onnxRuntime().gradients(program, values);
    const expected = await eagerRuntime("cpu").gradients(program, values);
    for (const size of [1, 11, 31, 6]) {
      const batch = {
        x: { shape: [size, 4], data: Float32Array.from({ length: size * 4 }, (_, i) => Math.sin(i)) },
      };
      const a = await run.run(batch);
      const b = await expected.run(batch);
      expect(a.outputs["total"]!.shape).toEqual([size]);
      expect(a.loss).toBeCloseTo(b.loss, 4);
      for (const name of Object.keys(b.gradients)) {
        b.gradients[name]!.forEach((value, i) => expect(a.gradients[name]![i]).toBeCloseTo(value, 4));
      }
    }
    await run.dispose();
  });
}
