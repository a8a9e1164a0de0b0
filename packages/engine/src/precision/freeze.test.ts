import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { initialValues, tf, type Precision } from "../index.ts";
import { outputDifferences, quantizationError } from "./differences.ts";
import { compiled, floats, program, reference, roundedWeight } from "./precision.test-helper.ts";

test("an exported file is one standard file, smaller, and gives the same numbers", async () => {
  const model = program(
    { w: [256, 96], b: [256] },
    (param, x) => ({ y: tf.add(tf.matMul(x, param("w"), false, true), param("b")) }),
    ["batch", 96],
  );
  const values = initialValues(model, 5);
  const folder = await mkdtemp(join(tmpdir(), "corella-precision-"));
  const sizes: Record<string, number> = {};
  for (const precision of ["float32", "float16", "int8", "int4"] as const) {
    const path = join(folder, `${precision}.onnx`);
    const run = await compiled.infer(model, values, { precision: () => precision });
    await run.exportOnnx(path);
    sizes[precision] = (await stat(path)).size;
    const session = await ort.InferenceSession.create(path);
    const feed = floats(9, 96);
    const results = await session.run({
      "input.x": new ort.Tensor("float32", feed["x"]!.data as Float32Array, [9, 96]),
    });
    const { y } = await run.run(feed);
    y!.data.forEach((value, i) =>
      expect((results["output.y"]!.data as Float32Array)[i]).toBeCloseTo(value, 3),
    );
  }
  expect(sizes["float16"]!).toBeLessThan(0.56 * sizes["float32"]!);
  expect(sizes["int8"]!).toBeLessThan(0.35 * sizes["float32"]!);
  expect(sizes["int4"]!).toBeLessThan(0.24 * sizes["float32"]!);
  await rm(folder, { recursive: true });
});

test("the error against float32 is reported by parameter", async () => {
  const model = program(
    { w: [16, 32], v: [16] },
    (param, x) => ({ y: tf.matMul(x, param("w"), false, true) }),
    ["batch", 32],
  );
  const values = initialValues(model, 6);
  const errors = quantizationError(model, values, () => "int8");
  expect(errors["v"]).toEqual({ precision: "float32", relativeError: 0, largestError: 0, bytes: 64 });
  const rounded = await roundedWeight({ w: values["w"]! }, [16, 32], "int8");
  const distances = Array.from(rounded, (value, i) => Math.abs(value - values["w"]![i]!));
  const norm = (numbers: readonly number[]): number => Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0));
  expect(errors["w"]!.largestError).toBeCloseTo(Math.max(...distances), 6);
  expect(errors["w"]!.relativeError).toBeCloseTo(norm(distances) / norm([...values["w"]!]), 6);
  expect(errors["w"]!.relativeError).toBeGreaterThan(0.001);
  expect(errors["w"]!.relativeError).toBeLessThan(0.012);
  expect(errors["w"]!.bytes).toBe(16 * 32 + 16 * 4);
  const exact = quantizationError(model, { ...values, w: new Float32Array(512) }, () => "int8");
  expect(exact["w"]!.relativeError).toBe(0);
});

test("differences of outputs, and a NaN is not lost", () => {
  const output = (...data: number[]) => ({ y: { shape: [data.length], data: Float32Array.from(data) } });
  expect(outputDifferences(output(1, 2, 4), output(1, 3, 2))).toEqual({ y: { largest: 2, mean: 1 } });
  expect(outputDifferences(output(Number.NaN, 2), output(1, 3))["y"]!.largest).toBeNaN();
  expect(outputDifferences(output(1, Number.NaN), output(1, 3))["y"]!.largest).toBeNaN();
  expect(() => outputDifferences(output(1), output(1, 2))).toThrow(/output y/);
});

test("mistakes are named", async () => {
  const model = program({ w: [4, 4] }, (param, x) => ({ y: tf.matMul(x, param("w")) }), ["batch", 4]);
  const values = initialValues(model, 1);
  for (const runtime of [compiled, reference]) {
    await expect(runtime.infer(model, values, { live: true, precision: () => "int8" })).rejects.toMatchObject(
      {
        code: "engine/precision",
        remedy: "Give either `live` or `precision`.",
      },
    );
    await expect(
      runtime.infer(model, values, { precision: () => "int5" as Precision }),
    ).rejects.toMatchObject({
      code: "engine/precision",
      place: "w",
    });
    const diverged = { w: new Float32Array(16).fill(Number.NaN) };
    await expect(runtime.infer(model, diverged, { precision: () => "int4" })).rejects.toMatchObject({
      code: "engine/precision",
      place: "w",
    });
  }
});
