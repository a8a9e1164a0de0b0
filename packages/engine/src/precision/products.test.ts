import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import onnxProto from "onnx-proto";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { initialValues, tf, type Batch, type Precision, type Program, type Values } from "../index.ts";
import { outputDifferences } from "./differences.ts";
import {
  compiled,
  floats,
  product,
  program,
  quantised,
  reference,
  rotatedRows,
  roundedRows,
  roundedWeight,
} from "./precision.test-helper.ts";
import { capture } from "../capture/capture.ts";
import { openSession } from "../onnx/session.ts";
import { aroundMiddle, dequantize, type Int8Matrix } from "../matrix/quantize.ts";

describe("a product with a quantised matrix", () => {
  for (const [m, k, n] of [
    [1, 64, 16],
    [5, 70, 33],
    [130, 32, 48],
  ] as const) {
    test(`int8, ${m} x ${k} x ${n}: the sum over rounded operands`, async () => {
      const model = program({ w: [n, k] }, (param, x) => ({ y: tf.matMul(x, param("w"), false, true) }), [
        "batch",
        k,
      ]);
      const values = initialValues(model, 1);
      const run = await compiled.infer(model, values, { precision: () => "int8" });
      const feed = floats(m, k);
      const weight = await roundedWeight(values, [n, k], "int8");
      const x = roundedRows(rotatedRows(feed["x"]!.data as Float32Array, k), k);
      const expected = product(x, rotatedRows(weight, k), k);
      const { y } = await run.run(feed);
      y!.data.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 3));
      await run.dispose();
    });
  }

  test("the largest codes do not saturate, on any CPU", async () => {
    const [n, k] = [32, 128];
    const model = program({ w: [n, k] }, (param, x) => ({ y: tf.matMul(x, param("w"), false, true) }), [
      "batch",
      k,
    ]);
    const run = await compiled.infer(
      model,
      { w: new Float32Array(n * k).fill(1) },
      { precision: () => "int8" },
    );
    for (const m of [1, 2, 7, 64]) {
      const { y } = await run.run({ x: { shape: [m, k], data: new Float32Array(m * k).fill(1) } });
      y!.data.forEach((value) => expect(value).toBeCloseTo(k, 2));
    }
    await run.dispose();
  });

  test("rows of zeros give zeros", async () => {
    const model = program({ w: [8, 40] }, (param, x) => ({ y: tf.matMul(x, param("w"), false, true) }), [
      "batch",
      40,
    ]);
    for (const precision of quantised) {
      const run = await compiled.infer(model, initialValues(model, 1), { precision: () => precision });
      const { y } = await run.run({ x: { shape: [3, 40], data: new Float32Array(120) } });
      expect(y!.data).toEqual(new Float32Array(24));
    }
  });

  test("products that read one operand share its quantisation", async () => {
    const model = program(
      { q: [16, 32], k: [16, 32] },
      (param, x) => ({ q: tf.matMul(x, param("q"), false, true), k: tf.matMul(x, param("k"), false, true) }),
      ["batch", 32],
    );
    const operations = await exported(model, initialValues(model, 1), "int8");
    const count = (type: string): number => operations.filter((operation) => operation === type).length;
    expect(count("QuantizeLinear")).toBe(1);
    expect(count("MatMulIntegerToFloat")).toBe(2);
  });
});

test("either zero point gives the same numbers where no product saturates", async () => {
  const [n, k] = [12, 64];
  const model = program(
    { w: [n, k] },
    (param, x) => ({
      y: tf.matMul(x, param("w"), false, true),
      w: param("w"),
      row: tf.gather(param("w"), [3]),
    }),
    ["batch", k],
  );
  // Two products of at most 255 x 60 stay below 2^15.
  const signed: Int8Matrix = {
    kind: "int8",
    shape: [n, k],
    outputAxis: 0,
    codes: Int8Array.from({ length: n * k }, (_, i) => ((i * 37) % 121) - 60),
    scales: Float32Array.from({ length: n }, (_, i) => 0.01 * (i + 1)),
  };
  const x = floats(5, k)["x"]!;
  const feeds = { "input.x": new ort.Tensor("float32", x.data as Float32Array, x.shape) };
  const results = await Promise.all(
    [signed, aroundMiddle(signed)].map(async (matrix) => {
      const stored = new Map([["w", matrix]]);
      const session = await openSession(
        capture(model, { mode: "infer", trainable: new Set(), frozen: {}, stored }),
        {},
      );
      const outputs = await session.run(feeds);
      await session.release();
      return ["y", "w", "row"].map((name) => outputs[`output.${name}`]!.data as Float32Array);
    }),
  );
  results[0]!.forEach((data, i) =>
    data.forEach((value, j) => expect(value).toBeCloseTo(results[1]![i]![j]!, 4)),
  );
  const exact = dequantize(signed);
  results[0]![1]!.forEach((value, i) => expect(value).toBeCloseTo(exact[i]!, 5));
});

/** Operators of the exported file. */
async function exported(model: Program, values: Values, precision: Precision): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "corella-precision-"));
  try {
    const run = await compiled.infer(model, values, { precision: () => precision });
    await run.exportOnnx(join(folder, "model.onnx"));
    const graph = onnxProto.onnx.ModelProto.decode(await readFile(join(folder, "model.onnx"))).graph!;
    return graph.node!.map((node) => node.opType!);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("the runtimes agree wherever a stored matrix stands", () => {
  // Without a product there are no activations to be rounded: equal within float rounding.
  const withoutProduct: Record<string, Program> = {
    "rows looked up": program({ w: [20, 37] }, (param, ids) => ({ y: tf.gather(param("w"), ids) }), [
      "batch",
    ]),
    "rows looked up, of a matrix of [in, out]": program(
      { w: [20, 37] },
      (param, ids) => ({ y: tf.gather(param("w"), ids), z: tf.matMul(tf.ones([2, 20]), param("w")) }),
      ["batch"],
    ),
    "columns looked up": program({ w: [20, 37] }, (param, ids) => ({ y: tf.gather(param("w"), ids, 1) }), [
      "batch",
    ]),
    elementwise: program({ w: [6, 37] }, (param, x) => ({ y: tf.add(tf.sum(param("w"), 1), x) }), [
      "batch",
      6,
    ]),
    reshaped: program(
      { w: [6, 40] },
      (param, x) => ({ y: tf.mul(tf.reshape(param("w"), [8, 30]), tf.sum(x)) }),
      ["batch", 6],
    ),
  };
  for (const [name, model] of Object.entries(withoutProduct)) {
    for (const precision of ["float16", ...quantised] as const) {
      test(`${name}, ${precision}`, async () => {
        const values = initialValues(model, 2);
        const ids = Int32Array.of(3, 0, 19, 3);
        const feed: Batch =
          model.inputs["x"]!.dtype === "int32" ? { x: { shape: [4], data: ids } } : floats(5, 6);
        const a = await compiled.infer(model, values, { precision: () => precision });
        const b = await reference.infer(model, values, { precision: () => precision });
        const differences = outputDifferences(await a.run(feed), await b.run(feed));
        expect(differences["y"]!.largest).toBeLessThan(1e-5);
        await a.dispose();
      });
    }
  }

  const products: Record<string, { model: Program; feed: Batch }> = {
    "[out, in]": {
      model: program({ w: [24, 40] }, (param, x) => ({ y: tf.matMul(x, param("w"), false, true) }), [
        "batch",
        40,
      ]),
      feed: floats(7, 40),
    },
    "[in, out]": {
      model: program({ w: [40, 24] }, (param, x) => ({ y: tf.matMul(x, param("w")) }), ["batch", 40]),
      feed: floats(7, 40),
    },
    "of a transposed operand": {
      model: program({ w: [24, 40] }, (param, x) => ({ y: tf.matMul(x, param("w"), true, true) }), [
        40,
        "batch",
      ]),
      feed: floats(40, 7),
    },
    "of more axes": {
      model: program({ w: [24, 40] }, (param, x) => ({ y: tf.matMul(x, param("w"), false, true) }), [
        "batch",
        "time",
        40,
      ]),
      feed: floats(3, 5, 40),
    },
    "in both directions": {
      model: program(
        { w: [24, 40] },
        (param, x) => ({ y: tf.matMul(tf.matMul(x, param("w"), false, true), param("w")) }),
        ["batch", 40],
      ),
      feed: floats(7, 40),
    },
    "with the matrix on the left": {
      model: program({ w: [24, 40] }, (param, x) => ({ y: tf.matMul(param("w"), x) }), [40, "batch"]),
      feed: floats(40, 7),
    },
  };
  for (const [name, { model, feed }] of Object.entries(products)) {
    for (const precision of ["float16", ...quantised] as const) {
      test(`a product ${name}, ${precision}`, async () => {
        const values = initialValues(model, 2);
        const a = await compiled.infer(model, values, { precision: () => precision });
        const b = await reference.infer(model, values, { precision: () => precision });
        const expected = (await b.run(feed))["y"]!;
        const actual = (await a.run(feed))["y"]!;
        expect(actual.shape).toEqual(expected.shape);
        // Activations of at most 3 are rounded by 3 / 254 at most, 1 / 3 of that as a deviation; each factor adds its own.
        const numbers = Array.from(expected.data);
        const spread = Math.sqrt(numbers.reduce((sum, value) => sum + value ** 2, 0) / numbers.length);
        const { largest } = outputDifferences({ y: actual }, { y: expected })["y"]!;
        expect(largest).toBeLessThan(precision === "float16" ? 1e-3 : 0.05 * spread);
        await a.dispose();
      });
    }
  }
});
