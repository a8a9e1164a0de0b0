import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  tf,
  type Batch,
  type GradientResult,
  type Program,
  type Runtime,
  type Scope,
} from "../index.ts";
import { gradientGraph } from "../onnx/program-graphs.ts";

type Recompute = Scope["recompute"];
const plain: Recompute = (inputs, compute) => compute(...inputs);

const init = { kind: "normal", std: 0.5 } as const;
const specs = {
  params: {
    first: { shape: [6, 6], init },
    second: { shape: [6, 6], init },
    bias: { shape: [6], init },
    mean: { shape: [6], init: { kind: "zeros" }, trainable: false },
  },
  tables: { item: { rows: 9, dim: 6, init } },
  inputs: { ids: { shape: ["batch"], dtype: "int32" } },
} as const;

/**
 * Two parts with dropout, look-ups, parameters, an assignment and tensors from outside, one of which depends on a
 * parameter. The second part holds another.
 */
function program(recomputeOf: (scope: Scope) => Recompute): Program {
  return {
    ...specs,
    forward(scope) {
      const recompute = recomputeOf(scope);
      const ids = scope.input("ids");
      const outside = tf.sin(scope.param("bias"));
      const half = tf.mul(tf.ones([6]), 0.5);
      const layer = (x: tf.Tensor, name: string): tf.Tensor =>
        tf.sin(tf.matMul(scope.dropout(x, 0.25), scope.param(name), false, true));
      const begin = recompute([], () => tf.add(layer(scope.lookup("item", ids), "first"), outside));
      const hidden = recompute([begin, outside], (x, b) => {
        scope.assign("mean", tf.mean(x!, 0));
        const third = tf.div(half, 1.5);
        // tfjs does not see what an operation with a gradient of its own uses.
        const scaled = tf.customGrad((...[y]: unknown[]) => ({
          value: tf.mul(tf.mul(y as tf.Tensor, half), third),
          gradFunc: (dy: tf.Tensor) => tf.div(dy, 6),
        }));
        const inner = recompute([x!], (y) => scaled(layer(y!, "second")));
        return tf.mul(layer(tf.add(inner, scope.lookup("item", ids)), "second"), b!);
      });
      const dropped = scope.dropout(hidden, 0.25);
      const loss = recompute([dropped], (x) => tf.mean(tf.square(x!)));
      return { loss, outputs: { hidden, dropped } };
    },
  };
}

const recomputed = program((scope) => scope.recompute);
const kept = program(() => plain);
const values = initialValues(kept, 1);
const batch: Batch = { ids: { shape: [5], data: Int32Array.of(3, 8, 1, 3, 0) } };

async function resultOf(runtime: Runtime, of: Program): Promise<GradientResult> {
  const run = await runtime.gradients(of, values, { seed: 3 });
  await run.run(batch);
  const result = await run.run(batch);
  await run.dispose();
  return result;
}

describe.each([onnxRuntime({ threads: 1 }), eagerRuntime("cpu")])("recomputed parts on $name", (runtime) => {
  test("give the bits of those that are kept", async () => {
    const result = await resultOf(runtime, recomputed);
    expect(result).toEqual(await resultOf(runtime, kept));
    expect(result.gradients["bias"]!.some((value) => value !== 0)).toBe(true);
    expect(result.assigned["mean"]!.some((value) => value !== 0)).toBe(true);
  });

  test("leave no tensor behind", async () => {
    const run = await runtime.gradients(recomputed, values, { seed: 3 });
    await run.run(batch);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) await run.run(batch);
    expect(tf.memory().numTensors).toBe(before);
    await run.dispose();
  });

  test("do not change inference", async () => {
    const outputs = [];
    for (const of of [recomputed, kept]) {
      const inference = await runtime.infer(of, values);
      outputs.push(await inference.run(batch));
      await inference.dispose();
    }
    expect(outputs[0]).toEqual(outputs[1]);
  });
});

test("the graph computes a recomputed part twice, with one mask for each dropout", () => {
  const trainable = new Set(["first", "second", "bias", "item"]);
  const graphOf = (of: Program): ReturnType<typeof gradientGraph> =>
    gradientGraph(of, trainable, { values: {}, stored: new Map(), backward: "exact" });
  const count = (of: Program, op: string): number =>
    graphOf(of).nodes.filter((node) => node.op === op).length;
  // Sines of the bias and of three layers. Again: the inner layer, for the product after it, and the last one, for the
  // gradient of its factor; no gradient needs the first one's.
  expect(count(kept, "Sin")).toBe(4);
  expect(count(recomputed, "Sin")).toBe(6);
  expect(graphOf(recomputed).masks).toEqual(graphOf(kept).masks);
});

test("onnxruntime does not merge the second computation with the first", async () => {
  const folder = await mkdtemp(join(tmpdir(), "corella-profile-"));
  const executed = async (of: Program, name: string): Promise<number> => {
    const run = await onnxRuntime({ threads: 1, profile: join(folder, name) }).gradients(of, values, {
      seed: 3,
    });
    await run.run(batch);
    await run.dispose();
    const file = (await readdir(folder)).find((path) => path.startsWith(name))!;
    const events = JSON.parse(await readFile(join(folder, file), "utf8")) as {
      name: string;
      args?: { op_name?: string };
    }[];
    return events.filter((event) => event.name.endsWith("kernel_time") && event.args?.op_name === "Sin")
      .length;
  };
  expect(await executed(kept, "kept")).toBe(4);
  expect(await executed(recomputed, "recomputed")).toBe(6);
  await rm(folder, { recursive: true });
});
