import { describe, expect, test } from "vitest";
import { eagerRuntime, initialValues, onnxRuntime, tf, type Batch, type Program } from "../../index.ts";

type Image = tf.Tensor4D;

const init = { kind: "uniform", limit: 0.5 } as const;

/** Images [batch, 6, 5, 2] through one operation; the loss is not symmetric in its result. */
function programOf(filter: readonly number[], forward: (x: Image, w: Image) => tf.Tensor): Program {
  return {
    params: { filter: { shape: filter, init }, scale: { shape: [6, 5, 2], init } },
    tables: {},
    inputs: { x: { shape: ["batch", 6, 5, 2], dtype: "float32" } },
    forward(scope) {
      const x = tf.mul(scope.input("x"), scope.param("scale")) as Image;
      const y = forward(x, scope.param("filter") as Image);
      return { loss: tf.mean(tf.mul(y, tf.sin(y))), outputs: { y } };
    },
  };
}

function batchOf(size: number): Batch {
  const data = Float32Array.from({ length: size * 60 }, (_, i) => Math.sin(i * i * 0.37));
  return { x: { shape: [size, 6, 5, 2], data } };
}

const normal = (x: Image, w: Image): tf.Tensor => {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const [scale, offset] = tf.unstack(tf.reshape(w, [2, 2])) as [tf.Tensor1D, tf.Tensor1D];
  return tf.batchNorm4d(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset, scale, 1e-3);
};

const cases: Record<string, Program> = {
  "conv2d, same": programOf([3, 3, 2, 4], (x, w) => tf.conv2d(x, w, 1, "same")),
  "conv2d, strides that leave elements over": programOf([2, 3, 2, 3], (x, w) =>
    tf.conv2d(x, w, [3, 2], "valid"),
  ),
  "conv1d over rows": programOf([1, 3, 10, 4], (x, w) =>
    tf.conv1d(tf.reshape(x, [-1, 6, 10]) as tf.Tensor3D, tf.squeeze(w, [0]) as tf.Tensor3D, 1, "same"),
  ),
  "depthwise, two outputs a channel": programOf([3, 2, 2, 2], (x, w) => tf.depthwiseConv2d(x, w, 2, "same")),
  separable: programOf([3, 3, 2, 1], (x, w) =>
    tf.separableConv2d(x, w, tf.ones([1, 1, 2, 3]) as Image, 1, "same"),
  ),
  "maxPool, overlapping": programOf([1], (x) => tf.maxPool(x, 3, 2, "same")),
  "avgPool, padded": programOf([1], (x) => tf.avgPool(x, [2, 3], 1, "same")),
  flipLeftRight: programOf([1], (x) => tf.image.flipLeftRight(x)),
  "batch normalisation": programOf([2, 1, 1, 2], normal),
  "local response normalisation": programOf([1], (x) => tf.localResponseNormalization(x, 1, 1, 0.5, 0.75)),
};

describe("one graph computes every batch size as the reference does", () => {
  for (const [name, program] of Object.entries(cases)) {
    test(`${name}: values and gradients`, async () => {
      const values = initialValues(program, 5);
      const run = await onnxRuntime().gradients(program, values);
      const reference = await eagerRuntime("cpu").gradients(program, values);
      for (const size of [1, 4, 7]) {
        const actual = await run.run(batchOf(size));
        const expected = await reference.run(batchOf(size));
        expect(actual.outputs["y"]!.shape).toEqual(expected.outputs["y"]!.shape);
        expected.outputs["y"]!.data.forEach((value, i) =>
          expect(actual.outputs["y"]!.data[i]).toBeCloseTo(value, 5),
        );
        expect(Object.keys(actual.gradients)).toEqual(Object.keys(expected.gradients));
        for (const [key, gradient] of Object.entries(expected.gradients))
          gradient.forEach((value, i) => expect(actual.gradients[key]![i]).toBeCloseTo(value, 4));
      }
      await run.dispose();
    });
  }
});

test("an image of varying height where the padding depends on it is an error, not a wrong number", async () => {
  const program: Program = {
    params: { filter: { shape: [3, 3, 1, 1], init } },
    tables: {},
    inputs: { x: { shape: [1, "height", 4, 1], dtype: "float32" } },
    forward: (scope) => ({
      outputs: { y: tf.conv2d(scope.input("x") as Image, scope.param("filter") as Image, 2, "same") },
    }),
  };
  await expect(onnxRuntime().infer(program, initialValues(program, 1))).rejects.toMatchObject({
    code: "engine/capture",
  });
});
