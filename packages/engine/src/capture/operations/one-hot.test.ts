import { expect, test } from "vitest";
import { onnxRuntime, tf, type Program } from "../../index.ts";

test("one-hot rows, as floats and as integers", async () => {
  const program: Program = {
    params: {},
    tables: {},
    inputs: { ids: { shape: ["batch"], dtype: "int32" } },
    forward: (scope) => ({
      outputs: {
        floats: tf.oneHot(scope.input("ids") as tf.Tensor1D, 3, 1, 0, "float32"),
        integers: tf.oneHot(scope.input("ids") as tf.Tensor1D, 3, 5, -1),
      },
    }),
  };
  const inference = await onnxRuntime().infer(program, {});
  const outputs = await inference.run({ ids: { shape: [2], data: Int32Array.of(2, 0) } });
  expect([...outputs["floats"]!.data]).toEqual([0, 0, 1, 1, 0, 0]);
  expect(outputs["integers"]!.data).toEqual(Int32Array.of(-1, -1, 5, 5, -1, -1));
  await inference.dispose();
});
