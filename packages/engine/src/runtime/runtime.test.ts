import { describe, expect, test } from "vitest";
import {
  createRuntime,
  eagerRuntime,
  initialValues,
  onnxRuntime,
  tf,
  type Batch,
  type Optimizer,
  type Program,
  type Runtime,
  type RuntimeKind,
  type Values,
} from "../index.ts";

/** A small click model: pooled table lookups, two layers, dropout, stable cross entropy. */
function program(dropout: number): Program {
  return {
    params: {
      w1: { shape: [12, 8], init: { kind: "xavierNormal" } },
      b1: { shape: [8], init: { kind: "uniform", limit: 0.1 } },
      w2: { shape: [8, 1], init: { kind: "xavierNormal" } },
      mean: { shape: [8], init: { kind: "zeros" }, trainable: false },
    },
    tables: { item: { rows: 20, dim: 4, init: { kind: "normal", std: 0.5 } } },
    inputs: {
      item: { shape: ["batch"], dtype: "int32" },
      history: { shape: ["batch", "time"], dtype: "int32" },
      label: { shape: ["batch"], dtype: "float32" },
    },
    forward(scope) {
      const history = scope.lookup("item", scope.input("history"));
      const item = scope.lookup("item", scope.input("item"));
      const pooled = tf.concat([item, tf.mean(history, 1), tf.max(history, 1)], 1);
      const hidden = tf.relu(tf.add(tf.matMul(pooled, scope.param("w1")), scope.param("b1")));
      scope.assign("mean", tf.mean(hidden, 0));
      const logit = tf.reshape(tf.matMul(scope.dropout(hidden, dropout), scope.param("w2")), [-1]);
      const label = scope.input("label");
      const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, label)));
      return { loss, outputs: { logit, probability: tf.sigmoid(logit) } };
    },
  };
}

function batch(size: number, time: number, seed: number): Batch {
  const number = (i: number, limit: number): number => (Math.imul(i + seed, 2654435761) >>> 8) % limit;
  return {
    item: { shape: [size], data: Int32Array.from({ length: size }, (_, i) => number(i, 20)) },
    history: {
      shape: [size, time],
      data: Int32Array.from({ length: size * time }, (_, i) => number(i + 99, 20)),
    },
    label: { shape: [size], data: Float32Array.from({ length: size }, (_, i) => number(i, 2)) },
  };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

function expectClose(a: Values, b: Values, tolerance: number): void {
  for (const name of Object.keys(b)) {
    expect(largestDifference(a[name]!, b[name]!), name).toBeLessThanOrEqual(tolerance);
  }
}

const reference = eagerRuntime("cpu");
// For example CORELLA_TEST_RUNTIME=tfjs-node, built by tooling/tfjs-node/setup.sh.
const tested = await createRuntime({
  kind: process.env["CORELLA_TEST_RUNTIME"] as RuntimeKind | undefined,
  installedIn: process.env["CORELLA_TFJS_NODE"],
  threads: 2,
});

describe(`${tested.name} computes what the reference computes`, () => {
  test("forward, for every batch size and length with one graph", async () => {
    const model = program(0.3);
    const values = initialValues(model, 7);
    const fast = await tested.infer(model, values);
    const slow = await reference.infer(model, values);
    for (const [size, time] of [
      [3, 5],
      [1, 1],
      [11, 13],
      [64, 30],
    ] as const) {
      const feed = batch(size, time, size);
      const a = await fast.run(feed);
      const b = await slow.run(feed);
      expect(a["logit"]!.shape).toEqual([size]);
      expect(largestDifference(a["logit"]!.data, b["logit"]!.data)).toBeLessThan(1e-6);
    }
    await fast.dispose();
  });

  test("gradients, with dropout masks from the same counters", async () => {
    const model = program(0.3);
    const values = initialValues(model, 7);
    const run = await tested.gradients(model, values, { seed: 3 });
    const expected = await reference.gradients(model, values, { seed: 3 });
    for (const size of [5, 32]) {
      const a = await run.run(batch(size, 6, size));
      const b = await expected.run(batch(size, 6, size));
      expect(a.loss).toBeCloseTo(b.loss, 6);
      expectClose(a.gradients, b.gradients, 1e-6);
      expectClose(a.assigned, b.assigned, 1e-6);
    }
  });

  const optimizers: Optimizer[] = [
    { kind: "sgd", learningRate: 0.1, momentum: 0.9, l2: 0.01 },
    { kind: "adagrad", learningRate: 0.1 },
    { kind: "adam", learningRate: 0.01, l2: 0.001 },
    { kind: "adamw", learningRate: 0.01, weightDecay: 0.1 },
  ];
  for (const optimizer of optimizers) {
    for (const tables of ["lazy", "dense"] as const) {
      test(`three steps of ${optimizer.kind} with ${tables} tables`, async () => {
        const model = program(0);
        const train = async (runtime: Runtime): Promise<Values> => {
          const trainer = await runtime.train(model, { seed: 1, optimizer, tables });
          for (let i = 0; i < 3; i++) await trainer.step(batch(16, 4, i), { learningRateScale: 1 / (i + 1) });
          await trainer.dispose();
          return trainer.values;
        };
        expectClose(await train(tested), await train(reference), 3e-6);
      });
    }
  }

  test("clipping and accumulation", async () => {
    const model = program(0.1);
    const train = async (runtime: Runtime): Promise<Values> => {
      const trainer = await runtime.train(model, {
        seed: 1,
        optimizer: { kind: "sgd", learningRate: 1 },
        clipNorm: 0.05,
        accumulate: 2,
      });
      for (let i = 0; i < 4; i++) await trainer.step(batch(16, 4, i));
      return trainer.values;
    };
    expectClose(await train(tested), await train(reference), 1e-6);
  });
});

test("threads that do not spin compute the same bits", async () => {
  const model = program(0);
  const values = initialValues(model, 7);
  const calm = await onnxRuntime({ threads: 2, spinning: false }).infer(model, values);
  const eager = await onnxRuntime({ threads: 2 }).infer(model, values);
  const feed = batch(64, 30, 1);
  expect(await calm.run(feed)).toEqual(await eager.run(feed));
  await calm.dispose();
  await eager.dispose();
});

test("two halves accumulated equal one whole batch", async () => {
  const model = program(0);
  const whole = batch(16, 4, 5);
  const half = (start: number): Batch => ({
    item: { shape: [8], data: whole["item"]!.data.slice(start, start + 8) as Int32Array },
    history: { shape: [8, 4], data: whole["history"]!.data.slice(start * 4, start * 4 + 32) as Int32Array },
    label: { shape: [8], data: whole["label"]!.data.slice(start, start + 8) as Float32Array },
  });
  const optimizer = { kind: "sgd", learningRate: 1 } as const;
  const a = await tested.train(model, { seed: 1, optimizer });
  await a.step(whole);
  const b = await tested.train(model, { seed: 1, optimizer, accumulate: 2 });
  await b.step(half(0));
  await b.step(half(8));
  expectClose({ ...a.values, mean: new Float32Array() }, { ...b.values, mean: new Float32Array() }, 1e-6);
});

test("the same seed gives the same bits, and a restored state goes on as if nothing had happened", async () => {
  const model = program(0.2);
  const options = { seed: 5, optimizer: { kind: "adam", learningRate: 0.01 } } as const;
  const whole = await tested.train(model, options);
  for (let i = 0; i < 6; i++) await whole.step(batch(16, 4, i));
  const first = await tested.train(model, options);
  for (let i = 0; i < 3; i++) await first.step(batch(16, 4, i));
  const saved = structuredClone(first.state());
  const second = await tested.train(model, { ...options, seed: 5 });
  second.restore(saved);
  for (let i = 3; i < 6; i++) await second.step(batch(16, 4, i));
  expectClose(second.values, whole.values, 0);
});

test("lazy tables leave untouched rows alone, padding stays zero", async () => {
  const model = program(0);
  const trainer = await tested.train(model, { seed: 5, optimizer: { kind: "adam", learningRate: 0.1 } });
  const before = trainer.values["item"]!.slice();
  await trainer.step({
    item: { shape: [2], data: Int32Array.of(3, 0) },
    history: { shape: [2, 1], data: Int32Array.of(4, 0) },
    label: { shape: [2], data: Float32Array.of(1, 0) },
  });
  const after = trainer.values["item"]!;
  const changed = Array.from({ length: 20 }, (_, row) => row).filter((row) =>
    [0, 1, 2, 3].some((i) => before[row * 4 + i] !== after[row * 4 + i]),
  );
  expect(changed).toEqual([3, 4]);
});

test("mistakes are named", async () => {
  const model = program(0);
  const inference = await tested.infer(model, initialValues(model, 1));
  await expect(inference.run({})).rejects.toMatchObject({ code: "engine/input", place: "item" });
  const wrong = { ...batch(3, 2, 1), history: { shape: [4, 2], data: new Int32Array(8) } };
  await expect(inference.run(wrong)).rejects.toMatchObject({ code: "engine/input", place: "history" });
  const far = { ...batch(3, 2, 1), item: { shape: [3], data: Int32Array.of(1, 20, 2) } };
  await expect(inference.run(far)).rejects.toMatchObject({
    code: "engine/input",
    message: "The id 20 is none of the 20 rows that are looked up.",
  });
  await inference.dispose();
  for (const name of ["w1", "item"]) {
    const given = { ...initialValues(model, 1), [name]: new Float32Array(3) };
    const mismatched = async (): Promise<unknown> => (await tested.infer(model, given)).run(batch(3, 2, 1));
    await expect(mismatched()).rejects.toMatchObject({ code: "engine/shape", place: name });
    const { [name]: _, ...others } = given;
    const lacking = async (): Promise<unknown> => (await tested.infer(model, others)).run(batch(3, 2, 1));
    await expect(lacking()).rejects.toMatchObject({ code: "engine/shape", place: name });
  }
  const optimizer = { kind: "adamx", learningRate: 0.1 } as unknown as Optimizer;
  await expect(tested.train(model, { seed: 1, optimizer })).rejects.toMatchObject({
    code: "engine/optimizer",
    remedy: expect.stringContaining("adamw"),
  });
  const impossible: Optimizer[] = [
    { kind: "adam", learningRate: 0.1, l2: -1 },
    { kind: "adam", learningRate: 0.1, epsilon: -1e-8 },
    { kind: "adamw", learningRate: 0.1, weightDecay: Number.NaN },
    { kind: "sgd", learningRate: 0.1, momentum: -0.9 },
    { kind: "adagrad", learningRate: 0.1, initialSum: -1 },
    { kind: "adagrad", learningRate: 0.1, learningRateDecay: -1 },
  ];
  for (const setting of impossible)
    await expect(tested.train(model, { seed: 1, optimizer: setting })).rejects.toMatchObject({
      code: "engine/optimizer",
      message: `The ${Object.keys(setting).at(-1)} is ${String(Object.values(setting).at(-1))}.`,
    });
  const misspelt: Program = { ...model, forward: (scope) => ({ outputs: { x: scope.param("w11") } }) };
  const misspeltRun = async (): Promise<unknown> =>
    (await tested.infer(misspelt, initialValues(model, 1))).run(batch(1, 1, 1));
  await expect(misspeltRun()).rejects.toMatchObject({
    code: "engine/undeclared",
    remedy: "Did you mean w1?",
  });
});

for (const runtime of [tested, reference]) {
  test(`ids that no row has are refused by ${runtime.name}, negative ones too, wherever they are looked up`, async () => {
    const model = program(0);
    const refused = { code: "engine/input", message: "The id -1 is none of the 20 rows that are looked up." };
    const negative = {
      ...batch(3, 2, 1),
      history: { shape: [3, 2], data: Int32Array.of(1, 2, 3, -1, 4, 5) },
    };
    const far = { ...batch(3, 2, 1), item: { shape: [3], data: Int32Array.of(1, 20, 2) } };
    const inference = await runtime.infer(model, initialValues(model, 1));
    await expect(inference.run(negative)).rejects.toMatchObject(refused);
    await expect(inference.run(far)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining("The id 20 "),
    });
    await expect(inference.run(batch(3, 2, 1))).resolves.toBeDefined();
    await inference.dispose();
    const gradients = await runtime.gradients(model, initialValues(model, 1));
    await expect(gradients.run(negative)).rejects.toMatchObject(refused);
    await gradients.dispose();
    for (const tables of ["lazy", "exact", "dense"] as const) {
      const trainer = await runtime.train(model, {
        seed: 1,
        optimizer: { kind: "adam", learningRate: 0.1 },
        tables,
      });
      await expect(trainer.step(negative)).rejects.toMatchObject(refused);
      await trainer.dispose();
    }
    // Rows of a parameter, behind a reshape, stored in each precision; and of an array of a size that a batch tells.
    const rows: Program = {
      params: { w: { shape: [20, 32], init: { kind: "normal", std: 1 } } },
      tables: {},
      inputs: {
        ids: { shape: ["batch", "time"], dtype: "int32" },
        x: { shape: ["batch"], dtype: "float32" },
      },
      forward: (scope) => ({
        outputs: {
          rows: tf.gather(scope.param("w"), tf.reshape(scope.input("ids"), [-1])),
          own: tf.gather(scope.input("x"), scope.input("ids")),
        },
      }),
    };
    const feed = {
      ids: { shape: [2, 1], data: Int32Array.of(1, -1) },
      x: { shape: [2], data: new Float32Array(2) },
    };
    for (const precision of ["float32", "float16", "int8", "int4"] as const) {
      const stored = await runtime.infer(rows, initialValues(rows, 1), { precision: () => precision });
      await expect(stored.run(feed)).rejects.toMatchObject(refused);
      await stored.dispose();
    }
  });
}

test("a batch of no sample has empty outputs", async () => {
  // A product for each expert, of which onnxruntime's would end the process.
  const experts: Program = {
    params: { w: { shape: [2, 4, 3], init: { kind: "normal", std: 1 } } },
    tables: {},
    inputs: { x: { shape: ["batch", 6], dtype: "float32" } },
    forward(scope) {
      const x = tf.transpose(tf.reshape(scope.input("x"), [-1, 2, 3]), [1, 0, 2]);
      const y = tf.transpose(tf.matMul(x, scope.param("w"), false, true), [1, 0, 2]);
      return { outputs: { y, sign: tf.cast(tf.sign(tf.sum(y, [1, 2])), "int32") } };
    },
  };
  const values = initialValues(experts, 1);
  const reader = { read: async (name: string) => values[name]! };
  for (const given of [values, reader]) {
    const inference = await tested.infer(experts, given);
    const outputs = await inference.run({ x: { shape: [0, 6], data: new Float32Array(0) } });
    expect(outputs).toEqual({
      y: { shape: [0, 2, 4], data: new Float32Array(0) },
      sign: { shape: [0], data: new Int32Array(0) },
    });
    await inference.dispose();
  }
});

test("our gradients hold when a copy of tfjs that was loaded later has registered its own", async () => {
  const model = program(0);
  const values = initialValues(model, 7);
  const feed = batch(5, 3, 1);
  const before = await (await tested.gradients(model, values)).run(feed);
  tf.registerGradient({
    kernelName: "Relu",
    gradFunc: () => ({
      x: () => {
        throw new Error("a foreign gradient");
      },
    }),
  });
  const after = await (await tested.gradients(model, values)).run(feed);
  expectClose(after.gradients, before.gradients, 0);
});
