import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGenerator } from "@corella/random";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import {
  eagerRuntime,
  onnxRuntime,
  tf,
  type Precision,
  type Program,
  type ValueReader,
  type Values,
} from "../index.ts";

// More rows than are read at once: 2^18 elements of 64 columns are 4,096 rows.
const rows = 16_500;
const columns = 64;
const program: Program = {
  params: {
    embedding: { shape: [rows, columns], init: { kind: "normal", std: 1 } },
    across: { shape: [columns, 5], init: { kind: "normal", std: 1 } },
    bias: { shape: [5], init: { kind: "zeros" } },
  },
  tables: {},
  inputs: { ids: { shape: ["batch"], dtype: "int32" } },
  forward(scope) {
    const x = tf.gather(scope.param("embedding"), scope.input("ids"));
    const y = tf.add(tf.matMul(x, scope.param("across")), scope.param("bias"));
    return { outputs: { y, similarity: tf.matMul(x, scope.param("embedding"), false, true) } };
  },
};

const random = createGenerator(1, "values");
const values: Values = Object.fromEntries(
  Object.entries(program.params).map(([name, { shape }]) => [
    name,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
  ]),
);

function counting(): { readonly reader: ValueReader; readonly largest: () => number } {
  let largest = 0;
  return {
    largest: () => largest,
    reader: {
      async read(name, part) {
        const width = values[name]!.length / program.params[name]!.shape[0]!;
        const data =
          part === undefined ? values[name]! : values[name]!.slice(...part.map((row) => row * width));
        largest = Math.max(largest, data.length);
        return data;
      },
    },
  };
}

const batch = { ids: { shape: [3], data: Int32Array.of(0, 16_400, 7) } };

for (const precision of ["float32", "float16", "int8", "int4"] as Precision[]) {
  test(`values that are read give the same bits as values in memory: ${precision}`, async () => {
    const options = precision === "float32" ? {} : { precision: () => precision };
    const { reader, largest } = counting();
    const fromMemory = await onnxRuntime({ threads: 1 }).infer(program, values, options);
    const read = await onnxRuntime({ threads: 1 }).infer(program, reader, options);
    expect(largest()).toBeLessThanOrEqual(2 ** 18);
    const expected = await fromMemory.run(batch);
    expect(await read.run(batch)).toEqual(expected);

    const path = join(await mkdtemp(join(tmpdir(), "corella-read-")), "model.onnx");
    await read.exportOnnx(path);
    const session = await ort.InferenceSession.create(path);
    const exported = await session.run({ "input.ids": new ort.Tensor("int32", batch.ids.data, [3]) });
    const y = exported["output.y"]!.data as Float32Array;
    y.forEach((value, i) => expect(value).toBeCloseTo(expected["y"]!.data[i]!, 4));
    await session.release();
    await fromMemory.dispose();
    await read.dispose();
  });
}

test("on the reference runtime as well; a reader cannot be read at each run", async () => {
  const { reader } = counting();
  const reference = eagerRuntime("cpu");
  const expected = await (await reference.infer(program, values)).run(batch);
  expect(await (await reference.infer(program, reader)).run(batch)).toEqual(expected);
  for (const runtime of [reference, onnxRuntime()])
    await expect(runtime.infer(program, reader, { live: true })).rejects.toMatchObject({
      code: "engine/live-reader",
    });
});

test("the file of weights is gone once they are loaded, or when they cannot be", async () => {
  const { reader } = counting();
  const temporaryFolder = await mkdtemp(join(tmpdir(), "corella-read-"));
  const runtime = onnxRuntime({ threads: 1, temporaryFolder });
  let during: string[] = [];
  const watched: ValueReader = {
    async read(name, part) {
      during = await readdir(temporaryFolder);
      return reader.read(name, part);
    },
  };
  const inference = await runtime.infer(program, watched);
  expect(during).toHaveLength(1);
  expect(await readdir(temporaryFolder)).toEqual([]);
  await inference.run(batch);
  await inference.dispose();

  const damaged: ValueReader = { read: () => Promise.reject(new Error("damaged")) };
  await expect(runtime.infer(program, damaged)).rejects.toThrow("damaged");
  expect(await readdir(temporaryFolder)).toEqual([]);
});

test("a parameter without elements takes no room", async () => {
  const none: Program = {
    params: {
      none: { shape: [0, 2], init: { kind: "zeros" } },
      one: { shape: [1, 2], init: { kind: "ones" } },
    },
    tables: {},
    inputs: { x: { shape: ["batch", 2], dtype: "float32" } },
    forward(scope) {
      const both = tf.concat([scope.param("none"), scope.param("one")], 0);
      return { outputs: { y: tf.matMul(scope.input("x"), both, false, true) } };
    },
  };
  const reader: ValueReader = {
    read: async (name) => new Float32Array(name === "none" ? 0 : 2).fill(1),
  };
  const inference = await onnxRuntime({ threads: 1 }).infer(none, reader);
  const { y } = await inference.run({ x: { shape: [1, 2], data: Float32Array.of(3, 4) } });
  expect([...y!.data]).toEqual([7]);
  await inference.dispose();
});

test("a folder that cannot be written is one clear error", async () => {
  const { reader } = counting();
  const parent = await mkdtemp(join(tmpdir(), "corella-read-"));
  await writeFile(join(parent, "file"), "");
  for (const temporaryFolder of [join(parent, "absent"), join(parent, "file")])
    await expect(onnxRuntime({ temporaryFolder }).infer(program, reader)).rejects.toMatchObject({
      code: "engine/weight-file",
      place: temporaryFolder,
    });
});
