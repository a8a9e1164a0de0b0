import { expect, test } from "vitest";
import { eagerRuntime, initialValues, onnxRuntime, tf } from "../index.ts";
import { clickProgram, clicks } from "../training/click-model.test-helper.ts";

const options = { seed: 1, optimizer: { kind: "adam", learningRate: 0.01 }, tables: "exact" } as const;

// That the process does not grow either takes longer to see: tooling/bench/src/experiments/memory.ts.
test.each([onnxRuntime({ threads: 1 }), eagerRuntime("cpu")])(
  "no tensor is left behind on $name",
  async (runtime) => {
    const trainer = await runtime.train(clickProgram, options);
    await trainer.step(clicks(0));
    const before = tf.memory().numTensors;
    for (let step = 1; step < 20; step++) await trainer.step(clicks(step));
    for (let cycle = 0; cycle < 5; cycle++) {
      const other = await runtime.train(clickProgram, options);
      await other.step(clicks(cycle));
      await other.dispose();
      const inference = await runtime.infer(clickProgram, other.values);
      await inference.run(clicks(cycle));
      await inference.dispose();
      const gradients = await runtime.gradients(clickProgram, initialValues(clickProgram, 1));
      await gradients.run(clicks(cycle));
      await gradients.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
    await trainer.dispose();
  },
);
