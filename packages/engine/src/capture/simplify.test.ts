import fc from "fast-check";
import { expect, test } from "vitest";
import { eagerRuntime, onnxRuntime, tf, type Program, type Tensor } from "../index.ts";
import { capture } from "./capture.ts";

/** x and y are [batch, 3, 4]. */
function programOf(forward: (x: Tensor, y: Tensor) => Tensor): Program {
  return {
    params: {},
    tables: {},
    inputs: {
      x: { shape: ["batch", 3, 4], dtype: "float32" },
      y: { shape: ["batch", 3, 4], dtype: "float32" },
    },
    forward: (scope) => ({ outputs: { result: forward(scope.input("x"), scope.input("y")) } }),
  };
}

function operations(program: Program): string[] {
  const { nodes } = capture(program, { mode: "infer", trainable: new Set(), frozen: {} });
  return nodes.map(({ op }) => op);
}

const swap = (x: Tensor): Tensor => tf.transpose(x, [0, 2, 1]);
const flat = (x: Tensor): Tensor => tf.reshape(x, [-1, 4]);

const cases: Record<string, { forward: (x: Tensor, y: Tensor) => Tensor; nodes: string[] }> = {
  "a transpose before a product": { forward: (x, y) => tf.matMul(x, swap(y)), nodes: ["FusedMatMul"] },
  "transposes of both operands": {
    forward: (x, y) => tf.matMul(swap(x), swap(y), true),
    nodes: ["FusedMatMul"],
  },
  "a transpose that the product undoes": {
    forward: (x, y) => tf.matMul(x, swap(y), false, false).add(tf.matMul(x, swap(swap(y)), false, true)),
    nodes: ["FusedMatMul", "Add"],
  },
  "a transpose of a matrix": {
    forward: (x, y) => tf.matMul(tf.transpose(flat(x)), flat(y)),
    nodes: ["Reshape", "Reshape", "Gemm"],
  },
  "a transpose of other axes stays": {
    forward: (x, y) => tf.matMul(tf.transpose(x, [1, 0, 2]), tf.transpose(y, [1, 2, 0])),
    nodes: ["Transpose", "Transpose", "FusedMatMul"],
  },
  "two transposes that cancel": { forward: (x, y) => tf.add(swap(swap(x)), y), nodes: ["Add"] },
  "two transposes are one": {
    forward: (x) => tf.transpose(tf.transpose(x, [1, 0, 2]), [0, 2, 1]),
    nodes: ["Transpose"],
  },
  "a chain of reshapes": {
    forward: (x) => tf.reshape(tf.reshape(flat(x), [-1, 2, 6]), [-1, 12]),
    nodes: ["Reshape"],
  },
  "reshapes back to the start": {
    forward: (x) => tf.neg(tf.reshape(tf.expandDims(flat(x), 1), [-1, 3, 4])),
    nodes: ["Neg"],
  },
  "operations that change nothing": {
    forward: (x) => {
      let same = tf.transpose(x, [0, 1, 2]);
      same = tf.slice(same, [0, 0, 0], [-1, 3, 4]);
      same = tf.pad(same, [
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
      same = tf.concat([same], 1);
      same = tf.cast(same, "float32");
      same = tf.broadcastTo(same, same.shape);
      same = tf.tile(same, [1, 1, 1]);
      same = tf.reverse(tf.expandDims(same, 1), 1).squeeze([1]);
      same = tf.split(same, 1, 1)[0]!;
      return tf.neg(tf.add(tf.mul(same, 1), 0));
    },
    nodes: ["Neg"],
  },
  "what nobody reads": {
    forward: (x, y) => {
      tf.exp(tf.matMul(x, swap(y)));
      return tf.neg(x);
    },
    nodes: ["Neg"],
  },
  "the same computation twice": {
    forward: (x, y) => tf.mul(tf.exp(tf.add(x, y)), tf.exp(tf.add(x, y))),
    nodes: ["Add", "Exp", "Mul"],
  },
};

for (const [name, { forward, nodes }] of Object.entries(cases)) {
  test(`${name}`, async () => {
    const program = programOf(forward);
    expect(operations(program)).toEqual(nodes);
    const numbers = (phase: number): Float32Array =>
      Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * 1.3 + phase));
    const batch = {
      x: { shape: [2, 3, 4], data: numbers(0) },
      y: { shape: [2, 3, 4], data: numbers(1) },
    };
    const compiled = await onnxRuntime().infer(program, {});
    const { result } = await compiled.run(batch);
    const expected = (await (await eagerRuntime("cpu").infer(program, {})).run(batch))["result"]!;
    expect(result!.shape).toEqual(expected.shape);
    expected.data.forEach((value, i) => expect(result!.data[i]).toBeCloseTo(value, 5));
    await compiled.dispose();
  });
}

test("any two transposes in a row are one at most, with the same numbers", async () => {
  const order = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
  const x = { shape: [1, 3, 4, 2], data: Float32Array.from({ length: 24 }, (_, i) => i) };
  await fc.assert(
    fc.asyncProperty(order, order, async (first, second) => {
      const program: Program = {
        params: {},
        tables: {},
        inputs: { x: { shape: [1, 3, 4, 2], dtype: "float32" } },
        forward: (scope) => ({
          outputs: { result: tf.neg(tf.transpose(tf.transpose(scope.input("x"), first), second)) },
        }),
      };
      // One that moves axes of size 1 only is a reshape, which copies nothing.
      const copies = operations(program).filter((op) => op === "Transpose");
      expect(copies.length).toBeLessThanOrEqual(1);
      const compiled = await onnxRuntime().infer(program, {});
      const actual = (await compiled.run({ x }))["result"]!;
      const expected = (await (await eagerRuntime("cpu").infer(program, {})).run({ x }))["result"]!;
      expect(actual).toEqual(expected);
      await compiled.dispose();
    }),
    { numRuns: 25 },
  );
});
