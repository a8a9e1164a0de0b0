import { expect, test } from "vitest";
import { eagerRuntime, onnxRuntime, tf, type Program } from "../index.ts";
import { packedOnce, trainingGraph } from "./program-graphs.ts";
import { TrainingState } from "../training/training-state.ts";

/** Two trained layers with a frozen one between, through which the gradient of the first has to pass. */
const programOf = (recompute: boolean): Program => ({
  params: {
    first: { shape: [6, 4], init: { kind: "xavierNormal" } },
    frozen: { shape: [5, 6], init: { kind: "xavierNormal" } },
    last: { shape: [1, 5], init: { kind: "xavierNormal" } },
  },
  tables: {},
  inputs: { x: { shape: ["batch", 4], dtype: "float32" } },
  forward(scope) {
    const layer = (x: tf.Tensor, name: string): tf.Tensor =>
      tf.tanh(tf.matMul(x, scope.param(name), false, true));
    const frozen = (x: tf.Tensor): tf.Tensor => layer(x, "frozen");
    const first = layer(scope.input("x"), "first");
    const y = layer(recompute ? scope.recompute([first], (x) => frozen(x!)) : frozen(first), "last");
    return { loss: tf.mean(tf.square(y)), outputs: {} };
  },
});
const program = programOf(false);
const options = {
  seed: 3,
  optimizer: (name: string) => (name === "frozen" ? null : ({ kind: "sgd", learningRate: 0.1 } as const)),
};
const batch = { x: { shape: [3, 4], data: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)) } };

test.each([false, true])("a frozen weight is packed for its first product (recomputed: %s)", (recompute) => {
  const state = new TrainingState(program, options);
  const frozen = {
    stored: new Map(),
    values: { frozen: state.values["frozen"]! },
    backward: "exact",
  } as const;
  const graph = packedOnce(trainingGraph(programOf(recompute), state, true, frozen));
  const readers = graph.nodes.filter(({ inputs }) => inputs.some((name) => name.endsWith(".frozen")));
  expect(readers.map(({ inputs, attributes }) => [inputs[1], attributes["transB"]])).toEqual([
    ["weight.frozen", 1],
    // The second computation of the layer.
    ...(recompute ? [["param.frozen", 1]] : []),
    ["param.frozen", 0],
  ]);
  expect(graph.inputs.filter(({ name }) => name === "param.frozen")).toHaveLength(1);
});

test("steps are those of the reference, which recomputes nothing, also after a restored state", async () => {
  const trainers = await Promise.all(
    [onnxRuntime(), eagerRuntime("cpu")].map((runtime, i) => runtime.train(programOf(i === 0), options)),
  );
  for (const trainer of trainers) for (let step = 0; step < 3; step++) await trainer.step(batch);
  const [compiled, reference] = trainers as [(typeof trainers)[0], (typeof trainers)[0]];
  compiled.restore(reference.state());
  const losses = [await compiled.step(batch), await reference.step(batch)].map(({ loss }) => loss);
  expect(losses[0]).toBeCloseTo(losses[1]!, 6);
  for (const name of ["first", "last"])
    compiled.values[name]!.forEach((value, i) => expect(value).toBeCloseTo(reference.values[name]![i]!, 6));
  for (const trainer of trainers) await trainer.dispose();
});
