import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import onnxProto from "onnx-proto";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  outputDifferences,
  quantizationError,
  tf,
  type Batch,
  type Precision,
  type Program,
  type Tensor,
  type Values,
} from "./index.ts";
import { rotate } from "./rotation.ts";

/** Rows [k], each rotated. */
function rotatedRows(x: Float32Array, k: number): Float32Array {
  const rows = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += k) {
    const row = Float64Array.from(x.subarray(start, start + k));
    rotate(row, k);
    rows.set(row, start);
  }
  return rows;
}

const compiled = onnxRuntime({ threads: 2 });
const reference = eagerRuntime("cpu");
const quantised = ["int8", "int4"] as const;
const init = { kind: "normal", std: 1 } as const;

function program(
  params: Record<string, readonly number[]>,
  forward: (param: (name: string) => Tensor, x: Tensor) => Record<string, Tensor>,
  xShape: readonly (number | string)[],
): Program {
  return {
    params: Object.fromEntries(Object.entries(params).map(([name, shape]) => [name, { shape, init }])),
    tables: {},
    inputs: { x: { shape: xShape, dtype: xShape.length === 1 ? "int32" : "float32" } },
    forward: (scope) => ({ outputs: forward((name) => scope.param(name), scope.input("x")) }),
  };
}

function floats(...shape: number[]): Batch {
  const length = shape.reduce((product, size) => product * size, 1);
  return { x: { shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7) * 3) } };
}

/** Cuts each row [k] into 255 steps by its largest element, as the graph does. */
function roundedRows(x: Float32Array, k: number): Float32Array {
  return x.map((value, i) => {
    const row = x.subarray(Math.floor(i / k) * k, (Math.floor(i / k) + 1) * k);
    const scale = Math.fround(row.reduce((largest, y) => Math.max(largest, Math.abs(y)), 0) / 127);
    return scale === 0 ? 0 : Math.round(Math.fround(value / scale)) * scale;
  });
}

/** x [m, k] times w [n, k] transposed. */
function product(x: Float32Array, w: Float32Array, k: number): Float32Array {
  const n = w.length / k;
  return Float32Array.from({ length: (x.length / k) * n }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += x[Math.floor(at / n) * k + i]! * w[(at % n) * k + i]!;
    return sum;
  });
}

/** The weights that a precision stands for, read off the reference runtime. */
async function roundedWeight(
  values: Values,
  shape: readonly number[],
  precision: Precision,
): Promise<Float32Array> {
  // A product, so that the outputs are the rows.
  const model = program(
    { w: shape },
    (param, x) => ({ y: tf.matMul(x, param("w"), false, true), w: param("w") }),
    ["batch", shape[1]!],
  );
  const run = await reference.infer(model, values, { precision: () => precision });
  return (await run.run(floats(1, shape[1]!)))["w"]!.data as Float32Array;
}

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

/** Operators of the exported file. */
async function exported(model: Program, values: Values, precision: Precision): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "corella-precision-"));
  try {
    const run = await compiled.infer(model, values, { precision: () => precision });
    await run.exportOnnx!(join(folder, "model.onnx"));
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

describe("training through a frozen matrix", () => {
  const [m, k, n] = [6, 40, 24];
  /** The loss is linear in the product, so its gradient is target x weight whatever the forward pass rounds. */
  const model: Program = {
    params: { p: { shape: [m, k], init }, w: { shape: [n, k], init } },
    tables: {},
    inputs: { x: { shape: [m, n], dtype: "float32" } },
    forward(scope) {
      const y = tf.matMul(scope.param("p"), scope.param("w"), false, true);
      return { loss: tf.sum(tf.mul(y, scope.input("x"))), outputs: { y } };
    },
  };
  const values = initialValues(model, 4);
  const feed = floats(m, n);
  const target = feed["x"]!.data as Float32Array;
  const transposed = (w: Float32Array): Float32Array =>
    Float32Array.from(w, (_, i) => w[(i % n) * k + Math.floor(i / n)]!);

  for (const precision of quantised) {
    test(`${precision}: the exact gradient is that of the rounded weight`, async () => {
      const options = { trainable: (name: string) => name === "p", precision: () => precision };
      const a = await (await compiled.gradients(model, values, options)).run(feed);
      const b = await (await reference.gradients(model, values, options)).run(feed);
      const expected = product(
        target,
        transposed(await roundedWeight({ w: values["w"]! }, [n, k], precision)),
        n,
      );
      expected.forEach((value, i) => {
        expect(a.gradients["p"]![i]).toBeCloseTo(value, 3);
        expect(b.gradients["p"]![i]).toBeCloseTo(value, 3);
      });
    });
  }

  test("int8: the gradient in 8-bit integers rounds the operand, scaled by the weight's scales", async () => {
    const options = {
      trainable: (name: string) => name === "p",
      precision: (): Precision => "int8",
    };
    const { gradients } = await (
      await compiled.gradients(model, values, { ...options, backward: "int8" })
    ).run(feed);
    const rounded = rotatedRows(await roundedWeight({ w: values["w"]! }, [n, k], "int8"), k);
    const given = rotatedRows(values["w"]!, k);
    const scales = Array.from({ length: n }, (_, row) =>
      Math.fround(given.subarray(row * k, (row + 1) * k).reduce((a, w) => Math.max(a, Math.abs(w)), 0) / 127),
    );
    const codes = rounded.map((value, i) => Math.round(value / scales[Math.floor(i / k)]!));
    const scaled = target.map((value, i) => Math.fround(value * scales[i % n]!));
    const expected = rotatedRows(product(roundedRows(scaled, n), transposed(codes), n), k);
    expected.forEach((value, i) => expect(gradients["p"]![i]).toBeCloseTo(value, 3));
    // And it is not the exact one.
    const exact = rotatedRows(product(target, transposed(rounded), n), k);
    expect(exact.some((value, i) => Math.abs(value - gradients["p"]![i]!) > 1e-3)).toBe(true);
  });

  for (const clipNorm of [undefined, 0.5]) {
    for (const precision of quantised) {
      test(`${precision}${clipNorm === undefined ? "" : ", clipped"}: steps match, and the frozen matrix is no longer a value`, async () => {
        const options = {
          seed: 1,
          values,
          precision: () => precision,
          optimizer: (name: string) => (name === "p" ? ({ kind: "sgd", learningRate: 0.1 } as const) : null),
          ...(clipNorm === undefined ? {} : { clipNorm }),
        };
        const p = values["p"]!.slice();
        const a = await compiled.train(model, { ...options, values: { ...values, p: p.slice() } });
        const b = await reference.train(model, { ...options, values: { ...values, p: p.slice() } });
        for (let i = 0; i < 3; i++) {
          await a.step(feed);
          await b.step(feed);
        }
        a.values["p"]!.forEach((value, i) => expect(value).toBeCloseTo(b.values["p"]![i]!, 3));
        expect(a.values["p"]!.some((value, i) => value !== p[i])).toBe(true);
        expect(Object.keys(a.values)).toEqual(["p"]);
        expect(Object.keys(b.values)).toEqual(["p"]);
        const state = structuredClone(a.state());
        await a.step(feed);
        const after = a.values["p"]!.slice();
        a.restore(state);
        await a.step(feed);
        expect(a.values["p"]).toEqual(after);
        await a.dispose();
      });
    }
  }
});

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
    await run.exportOnnx!(path);
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
