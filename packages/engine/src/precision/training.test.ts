import { describe, expect, test } from "vitest";
import { initialValues, tf, type Precision, type Program, type ValueReader } from "../index.ts";
import {
  compiled,
  floats,
  normal,
  product,
  quantised,
  reference,
  rotatedRows,
  roundedRows,
  roundedWeight,
} from "./precision.test-helper.ts";

describe("training through a frozen matrix", () => {
  const [m, k, n] = [6, 40, 24];
  /** The loss is linear in the product, so its gradient is target x weight whatever the forward pass rounds. */
  const model: Program = {
    params: { p: { shape: [m, k], init: normal }, w: { shape: [n, k], init: normal } },
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

  for (const precision of ["float32", ...quantised] as Precision[]) {
    test(`${precision}: frozen values that are read give the same bits`, async () => {
      const options = {
        seed: 1,
        precision: () => precision,
        optimizer: (name: string) => (name === "p" ? ({ kind: "sgd", learningRate: 0.1 } as const) : null),
      };
      const asked: string[] = [];
      const frozen: ValueReader = {
        async read(name, rows) {
          asked.push(name);
          return rows === undefined ? values[name]! : values[name]!.slice(rows[0] * k, rows[1] * k);
        },
      };
      for (const runtime of [compiled, reference]) {
        const expected = await runtime.train(model, { ...options, values: structuredClone(values) });
        const read = await runtime.train(model, { ...options, values: { p: values["p"]!.slice() }, frozen });
        for (let i = 0; i < 2; i++) expect(await read.step(feed)).toEqual(await expected.step(feed));
        expect(read.values).toEqual(expected.values);
        await read.dispose();
        await expected.dispose();
      }
      expect(new Set(asked)).toEqual(new Set(["w"]));
    });
  }
});
