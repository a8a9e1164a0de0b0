// Whether training, and making and disposing sessions, grows the process. Usage, from tooling/bench:
//   node --expose-gc --conditions=source --import tsx src/experiments/memory.ts
import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  tf,
  type Batch,
  type Program,
  type Runtime,
} from "@corella/engine";
import { createGenerator } from "@corella/random";

const count = 1000;
const looks = 5;

const program: Program = {
  params: { w: { shape: [8, 1], init: { kind: "xavierNormal" } } },
  tables: { item: { rows: 60, dim: 8, init: { kind: "normal", std: 0.5 } } },
  inputs: {
    item: { shape: ["batch"], dtype: "int32" },
    label: { shape: ["batch"], dtype: "float32" },
  },
  forward(scope) {
    const x = scope.dropout(scope.lookup("item", scope.input("item")), 0.25);
    const logit = tf.reshape(tf.matMul(x, scope.param("w")), [-1]);
    const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("label"))));
    return { loss, outputs: { logit } };
  },
};

function batch(step: number): Batch {
  const random = createGenerator(1, "batch", step);
  return {
    item: { shape: [16], data: Int32Array.from({ length: 16 }, () => random.integer(60)) },
    label: { shape: [16], data: Float32Array.from({ length: 16 }, () => random.integer(2)) },
  };
}

function look(what: string): void {
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1).padStart(6);
  const { numTensors } = tf.memory();
  process.stdout.write(
    `${what.padEnd(34)} rss ${mib(rss)} heap ${mib(heapUsed)} arrays ${mib(arrayBuffers)} MiB, ${numTensors} tensors\n`,
  );
}

async function trainAndInfer(runtime: Runtime, step: number): Promise<void> {
  const trainer = await runtime.train(program, { seed: 1, optimizer: { kind: "adam", learningRate: 0.01 } });
  await trainer.step(batch(step));
  await trainer.dispose();
  const inference = await runtime.infer(program, initialValues(program, 1));
  await inference.run(batch(step));
  await inference.dispose();
}

for (const runtime of [onnxRuntime({ threads: 1 }), eagerRuntime("cpu")]) {
  const trainer = await runtime.train(program, {
    seed: 1,
    optimizer: { kind: "adam", learningRate: 0.01 },
    tables: "exact",
  });
  for (let step = 0; step < count; step++) {
    await trainer.step(batch(step));
    if ((step + 1) % (count / looks) === 0) look(`${runtime.name}, ${step + 1} steps`);
  }
  await trainer.dispose();
  for (let cycle = 0; cycle < count; cycle++) {
    await trainAndInfer(runtime, cycle);
    if ((cycle + 1) % (count / looks) === 0) look(`${runtime.name}, ${cycle + 1} times two sessions`);
  }
}
