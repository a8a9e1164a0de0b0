// What a step costs with lazy, exact and dense tables. Usage, from tooling/bench:
//   node --conditions=source --import tsx src/experiments/exact-tables.ts <rows> <uniform|skewed> <adam|adam-l2|adamw> [steps]
import { onnxRuntime, tf, type Batch, type Optimizer, type Program } from "@corella/engine";
import { createGenerator } from "@corella/random";

const [rowsText = "10000", ids = "uniform", kind = "adam", stepsText = "60"] = process.argv.slice(2);
const rows = Number(rowsText);
const steps = Number(stepsText);
const size = 4096;
const fields = 10;
const dim = 16;

const optimizers: Readonly<Record<string, Optimizer>> = {
  adam: { kind: "adam", learningRate: 1e-3 },
  "adam-l2": { kind: "adam", learningRate: 1e-3, l2: 1e-5 },
  adamw: { kind: "adamw", learningRate: 1e-3, weightDecay: 0.01 },
};

const program: Program = {
  params: { w: { shape: [fields * dim, 1], init: { kind: "xavierNormal" } } },
  tables: { rows: { rows, dim, init: { kind: "normal", std: 0.05 }, paddingRow: false } },
  inputs: {
    ids: { shape: ["batch", fields], dtype: "int32" },
    label: { shape: ["batch"], dtype: "float32" },
  },
  forward(scope) {
    const looked = tf.reshape(scope.lookup("rows", scope.input("ids")), [-1, fields * dim]);
    const logit = tf.reshape(tf.matMul(looked, scope.param("w")), [-1]);
    const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("label"))));
    return { loss, outputs: {} };
  },
};

/** Ids `uniform`, the worst case, or `skewed`: u^6, so that half of the lookups fall on the first 2 % of the rows. */
function batch(step: number): Batch {
  const random = createGenerator(1, "batch", step);
  const power = ids === "uniform" ? 1 : 6;
  const data = Int32Array.from({ length: size * fields }, () => Math.floor(rows * random.uniform() ** power));
  return {
    ids: { shape: [size, fields], data },
    label: { shape: [size], data: Float32Array.from({ length: size }, () => random.integer(2)) },
  };
}

function median(values: number[]): string {
  return values.sort((a, b) => a - b)[values.length >> 1]!.toFixed(1);
}

for (const tables of ["lazy", "exact", "dense"] as const) {
  const trainer = await onnxRuntime({ threads: 1 }).train(program, {
    seed: 1,
    optimizer: optimizers[kind]!,
    tables,
  });
  const wall: number[] = [];
  const processor: number[] = [];
  const measured = tables === "dense" ? Math.min(steps, 10) : steps;
  for (let step = 0; step < measured; step++) {
    const feed = batch(step);
    const cpu = process.cpuUsage();
    const start = performance.now();
    await trainer.step(feed);
    // The second half: rows have missed as many steps as they will.
    if (step < measured / 2) continue;
    wall.push(performance.now() - start);
    processor.push(process.cpuUsage(cpu).user / 1000);
  }
  const start = performance.now();
  const cpu = process.cpuUsage();
  void trainer.values["rows"];
  const reading = `${(performance.now() - start).toFixed(0)} ms, ${(process.cpuUsage(cpu).user / 1000).toFixed(0)} of the processor`;
  process.stdout.write(
    `${rows} rows, ${ids}, ${kind}, ${tables}: step ${median(wall)} ms, ${median(processor)} of the processor; reading all ${reading}\n`,
  );
  await trainer.dispose();
}
