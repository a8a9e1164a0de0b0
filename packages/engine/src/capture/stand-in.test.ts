import { expect, test } from "vitest";
import { eagerRuntime, initialValues, onnxRuntime, tf, type Program } from "../index.ts";

/** A tower whose widths are chosen to coincide with the sizes that stand in for the batch. */
function tower(widths: readonly number[]): Program {
  const sizes = [4, ...widths];
  const params = Object.fromEntries(
    widths.map((width, i) => [
      `w${i}`,
      { shape: [width, sizes[i]!], init: { kind: "xavierNormal" } as const },
    ]),
  );
  return {
    params,
    tables: {},
    inputs: { x: { shape: ["batch", 4], dtype: "float32" } },
    forward(scope) {
      let x = scope.input("x");
      const hidden = widths.map((_, i) => (x = tf.tanh(tf.matMul(x, scope.param(`w${i}`), false, true))));
      const all = tf.concat(hidden, 1);
      // [batch] and the end of a slice are both vectors of one size.
      const [head] = tf.split(all, [sizes[1]!, all.shape[1]! - sizes[1]!], 1);
      const cut = tf.slice(all, [0, 0], [-1, sizes[1]!]);
      const total = tf.reshape(tf.sum(tf.add(tf.mul(cut, head!), tf.square(cut)), 1, true), [-1]);
      return { loss: tf.add(tf.mean(tf.square(total)), tf.mean(all)), outputs: { total } };
    },
  };
}

for (const widths of [
  [11, 5],
  [31, 5],
  [11, 31, 13],
  [11, 31, 59, 83],
  [31, 83, 11],
  [22, 11, 121],
]) {
  test(`widths ${widths.join(", ")} are not taken for the batch`, async () => {
    const program = tower(widths);
    const values = initialValues(program, 1);
    const run = await onnxRuntime().gradients(program, values);
    const expected = await eagerRuntime("cpu").gradients(program, values);
    for (const size of [1, 11, 31, 5]) {
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
