import { tf, type Batch, type Program, type Runtime } from "../index.ts";

const program: Program = {
  params: {
    hidden: { shape: [512, 8], init: { kind: "xavierNormal" } },
    deep: { shape: [512, 512], init: { kind: "xavierNormal" } },
    out: { shape: [1, 512], init: { kind: "xavierNormal" } },
  },
  tables: { item: { rows: 100, dim: 8, init: { kind: "normal", std: 0.1 } } },
  inputs: {
    item: { shape: ["batch"], dtype: "int32" },
    label: { shape: ["batch"], dtype: "float32" },
  },
  forward(scope) {
    const rows = scope.lookup("item", scope.input("item"));
    const hidden = tf.relu(tf.matMul(rows, scope.param("hidden"), false, true));
    const deep = scope.dropout(tf.relu(tf.matMul(hidden, scope.param("deep"), false, true)), 0.25);
    const logit = tf.reshape(tf.matMul(deep, scope.param("out"), false, true), [-1]);
    const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("label"))));
    return { loss, outputs: { logit } };
  },
};

/** The losses of a training run, for threads to compare. */
export async function trainedLosses(runtime: Runtime, seed: number, steps: number): Promise<number[]> {
  const trainer = await runtime.train(program, { seed, optimizer: { kind: "adam", learningRate: 0.01 } });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const item = Int32Array.from({ length: 64 }, (_, i) => 1 + ((step * 13 + i * 7) % 99));
    const batch: Batch = {
      item: { shape: [64], data: item },
      label: { shape: [64], data: Float32Array.from(item, (id) => id % 2) },
    };
    losses.push((await trainer.step(batch)).loss);
  }
  await trainer.dispose();
  return losses;
}
