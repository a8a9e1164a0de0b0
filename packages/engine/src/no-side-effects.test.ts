import { expect, test } from "vitest";

test("importing the engine registers nothing with tfjs", async () => {
  const { tf } = await import("./program/tf.ts");
  const kernels = tf.getKernelsForBackend("corella-capture");
  await import("./index.ts");
  expect(tf.getKernelsForBackend("corella-capture")).toEqual(kernels);
  expect(kernels).toEqual([]);
  expect(tf.env().getBool("PROD")).toBe(false);
});
