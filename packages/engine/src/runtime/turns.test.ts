import { expect, test } from "vitest";
import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  tf,
  type Batch,
  type Program,
  type Trainer,
} from "../index.ts";

/** Logistic regression on an embedding. */
const program: Program = {
  params: { w: { shape: [4, 1], init: { kind: "xavierNormal" } } },
  tables: { item: { rows: 9, dim: 4, init: { kind: "normal", std: 0.5 } } },
  inputs: {
    item: { shape: ["batch"], dtype: "int32" },
    label: { shape: ["batch"], dtype: "float32" },
  },
  forward(scope) {
    const rows = scope.dropout(scope.lookup("item", scope.input("item")), 0.25);
    const logit = tf.reshape(tf.matMul(rows, scope.param("w")), [-1]);
    const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("label"))));
    return { loss, outputs: { logit } };
  },
};
const options = { seed: 3, optimizer: { kind: "adam", learningRate: 0.1 } } as const;

function batch(step: number): Batch {
  return {
    item: { shape: [4], data: Int32Array.from({ length: 4 }, (_, i) => 1 + ((step + 3 * i) % 8)) },
    label: { shape: [4], data: Float32Array.of(1, 0, step % 2, 1) },
  };
}

async function oneAfterTheOther(trainer: Trainer): Promise<number[]> {
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) losses.push((await trainer.step(batch(step))).loss);
  return losses;
}

for (const runtime of [onnxRuntime(), eagerRuntime("cpu")]) {
  test(`${runtime.name}: steps that are not awaited give the same bits as steps that are`, async () => {
    const calm = await runtime.train(program, options);
    const hasty = await runtime.train(program, options);
    const losses = await oneAfterTheOther(calm);
    const results = await Promise.all([0, 1, 2, 3, 4].map((step) => hasty.step(batch(step))));
    expect(results.map(({ loss }) => loss)).toEqual(losses);
    expect(hasty.state()).toEqual(calm.state());
  });

  test(`${runtime.name}: a step that fails changes nothing, and the next one goes on`, async () => {
    const trainer = await runtime.train(program, options);
    const other = await runtime.train(program, options);
    const running = trainer.step(batch(0));
    const bad = trainer.step({ item: batch(1)["item"]! });
    const after = trainer.step(batch(1));
    await expect(bad).rejects.toMatchObject({ code: "engine/input", place: "label" });
    await running;
    await other.step(batch(0));
    expect((await after).loss).toBe((await other.step(batch(1))).loss);
    expect(trainer.state()).toEqual(other.state());
  });

  test(`${runtime.name}: no state is put into a running step`, async () => {
    const trainer = await runtime.train(program, options);
    const saved = structuredClone(trainer.state());
    const step = trainer.step(batch(0));
    expect(() => trainer.restore(saved)).toThrow(/cannot restore while a step is running/);
    expect(trainer.state()).toEqual(saved);
    const { loss } = await step;
    trainer.restore(saved);
    expect((await trainer.step(batch(0))).loss).toBe(loss);
  });

  test(`${runtime.name}: dispose waits for what runs; after it there is nothing`, async () => {
    const values = initialValues(program, 1);
    const disposed = { code: "engine/disposed" };
    const trainer = await runtime.train(program, options);
    const inference = await runtime.infer(program, values);
    const gradients = await runtime.gradients(program, values);
    const running = [trainer.step(batch(0)), inference.run(batch(0)), gradients.run(batch(0))] as const;
    await Promise.all([trainer.dispose(), inference.dispose(), gradients.dispose()]);
    const [step, outputs, derived] = await Promise.all(running);
    expect(step.outputs["logit"]!.shape).toEqual([4]);
    expect(outputs["logit"]!.shape).toEqual([4]);
    expect(derived.gradients["w"]!.length).toBe(4);
    await expect(trainer.step(batch(1))).rejects.toMatchObject(disposed);
    await expect(inference.run(batch(1))).rejects.toMatchObject(disposed);
    await expect(gradients.run(batch(1))).rejects.toMatchObject(disposed);
    await expect(trainer.dispose()).rejects.toMatchObject(disposed);
    await expect(inference.dispose()).rejects.toMatchObject(disposed);
    await expect(gradients.exportOnnx("never.onnx")).rejects.toMatchObject(disposed);
    expect(() => trainer.restore(trainer.state())).toThrow(/has been disposed/);
  });
}

test("a step that onnxruntime refuses does not count", async () => {
  const trainer = await onnxRuntime().train(program, options);
  const beyond = { ...batch(0), item: { shape: [4], data: Int32Array.of(1, 2, 3, 99) } };
  await expect(trainer.step(beyond)).rejects.toMatchObject({ code: "engine/input" });
  expect(trainer.state().step).toBe(0);
  const other = await onnxRuntime().train(program, options);
  expect((await trainer.step(batch(0))).loss).toBe((await other.step(batch(0))).loss);
});
