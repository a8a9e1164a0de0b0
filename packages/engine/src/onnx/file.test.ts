import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  tf,
  type Batch,
  type Program,
  type TrainOptions,
} from "../index.ts";

/** Two layers on an embedding; batch and history length are free. */
const program: Program = {
  params: {
    hidden: { shape: [300, 4], init: { kind: "xavierNormal" } },
    out: { shape: [1, 300], init: { kind: "xavierNormal" } },
    fixed: { shape: [1], init: { kind: "ones" }, trainable: false },
  },
  tables: { item: { rows: 500, dim: 4, init: { kind: "normal", std: 0.5 } } },
  inputs: {
    items: { shape: ["batch", "time"], dtype: "int32" },
    label: { shape: ["batch"], dtype: "float32" },
  },
  forward(scope) {
    const pooled = tf.mean(scope.lookup("item", scope.input("items")), 1);
    const hidden = tf.relu(tf.matMul(pooled, scope.param("hidden"), false, true));
    const logit = tf.add(
      tf.reshape(tf.matMul(scope.dropout(hidden, 0.5), scope.param("out"), false, true), [-1]),
      scope.param("fixed"),
    );
    const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("label"))));
    return { loss, outputs: { logit } };
  },
};
const values = initialValues(program, 4);

function batch(size: number, time: number): Batch {
  return {
    items: {
      shape: [size, time],
      data: Int32Array.from({ length: size * time }, (_, i) => (i * 37 + size) % 500),
    },
    label: { shape: [size], data: Float32Array.from({ length: size }, (_, i) => i % 2) },
  };
}

/** The batch as the file's inputs; every dropout mask keeps everything. */
function feedsOf(session: ort.InferenceSession, feeds: Batch): Record<string, ort.Tensor> {
  const tensors: Record<string, ort.Tensor> = {};
  for (const name of session.inputNames) {
    const feed = feeds[name.replace("input.", "")];
    if (feed?.data instanceof Int32Array) tensors[name] = new ort.Tensor("int32", feed.data, feed.shape);
    else if (feed !== undefined) tensors[name] = new ort.Tensor("float32", feed.data, feed.shape);
    else if (name.startsWith("mask.")) {
      const rows = feeds["label"]!.shape[0]!;
      tensors[name] = new ort.Tensor("bool", new Uint8Array(rows * 300).fill(1), [rows, 300]);
    }
  }
  return tensors;
}

/** A default of an input is no constant, which onnxruntime warns of. */
const quiet = { logSeverityLevel: 3 } as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-onnx-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function expectSameOutputs(path: string): Promise<void> {
  const session = await ort.InferenceSession.create(path, quiet);
  const inference = await eagerRuntime("cpu").infer(program, values);
  for (const feeds of [batch(3, 2), batch(1, 7)]) {
    const { "output.logit": logit } = await session.run(feedsOf(session, feeds));
    const expected = (await inference.run(feeds))["logit"]!;
    expect((logit as ort.Tensor).dims).toEqual(expected.shape);
    expected.data.forEach((value, i) => {
      expect(((logit as ort.Tensor).data as Float32Array)[i]).toBeCloseTo(value, 5);
    });
  }
  await session.release();
}

describe("a program as a file, from every runtime", () => {
  for (const runtime of [onnxRuntime(), eagerRuntime("cpu")]) {
    test(`${runtime.name}: weights inside`, async () => {
      const inference = await runtime.infer(program, values);
      await inference.exportOnnx(join(folder, "model.onnx"));
      expect(await readdir(folder)).toEqual(["model.onnx"]);
      await expectSameOutputs(join(folder, "model.onnx"));
    });

    test(`${runtime.name}: weights beside, each on a page of its own`, async () => {
      const inference = await runtime.infer(program, values);
      const path = join(folder, "model.onnx");
      await inference.exportOnnx(path, { singleFileBytes: 10_000 });
      expect((await readdir(folder)).sort()).toEqual(["model.onnx", "model.onnx.data"]);
      expect((await stat(path)).size).toBeLessThan(4000);
      // hidden 4,800 bytes, out 1,200, fixed 4, item 8,000: two pages and three times one before the last.
      expect((await stat(`${path}.data`)).size).toBe(4 * 4096 + 8000);
      await expectSameOutputs(path);
      await inference.exportOnnx(path, { singleFileBytes: 10_000 });
      await expectSameOutputs(path);
    });
  }
});

test("a file that cannot be written leaves the old one", async () => {
  const inference = await onnxRuntime().infer(program, values);
  const path = join(folder, "absent", "model.onnx");
  const expected = { code: "file/write-failed", remedy: "Create the folder first." };
  await expect(inference.exportOnnx(path)).rejects.toMatchObject(expected);
  await expect(inference.exportOnnx(path, { singleFileBytes: 0 })).rejects.toMatchObject(expected);
  expect(await readdir(folder)).toEqual([]);
});

test("the graph of gradients has the values as defaults", async () => {
  const still: Program = {
    ...program,
    forward: (scope) => program.forward({ ...scope, dropout: (x) => x }),
  };
  for (const runtime of [onnxRuntime(), eagerRuntime("cpu")]) {
    const run = await runtime.gradients(still, values, { trainable: (name) => name !== "hidden" });
    const expected = await run.run(batch(4, 3));
    const path = join(folder, `${runtime.name}.onnx`);
    await run.exportOnnx(path, { singleFileBytes: runtime.name === "onnxruntime" ? 0 : 1e6 });
    const session = await ort.InferenceSession.create(path, quiet);
    const results = await session.run(feedsOf(session, batch(4, 3)));
    expect((results["loss"]!.data as Float32Array)[0]).toBeCloseTo(expected.loss, 6);
    (results["gradient.out"]!.data as Float32Array).forEach((value, i) => {
      expect(value).toBeCloseTo(expected.gradients["out"]![i]!, 6);
    });
    expect(Object.keys(results)).not.toContain("gradient.hidden");
    expect(results["lookup.0.gradient"]!.dims).toEqual([4, 3, 4]);
  }
});

test("the graph of training does the next step", async () => {
  const still: Program = {
    ...program,
    forward: (scope) => program.forward({ ...scope, dropout: (x) => x }),
  };
  const options: TrainOptions = { seed: 4, optimizer: { kind: "adam", learningRate: 0.01 } };
  const trainer = await onnxRuntime().train(still, options);
  await trainer.step(batch(6, 2));
  const path = join(folder, "train.onnx");
  await trainer.exportOnnx(path);
  const session = await ort.InferenceSession.create(path, quiet);
  const first = await session.run(feedsOf(session, batch(5, 4)));
  const { loss } = await trainer.step(batch(5, 4));
  expect((first["loss"]!.data as Float32Array)[0]).toBe(loss);
  for (const name of ["hidden", "out"]) {
    expect(first[`updated.${name}`]!.data).toEqual(trainer.values[name]);
    expect(first[`updated.m.${name}`]!.data).toEqual(trainer.state().slots[`m.${name}`]);
  }
});
