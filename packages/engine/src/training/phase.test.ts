import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onnxRuntime } from "../onnx/runtime.ts";
import { lossTerms, type LossTerms } from "./loss-terms.ts";
import { runPhase, type PhaseOptions, type PhaseSpec, type ProgressListener } from "./phase.ts";
import type { Batch, Program } from "../program/program.ts";
import { tf } from "../program/tf.ts";

/** Logistic regression on a fixed rule, with dropout so that the random stream matters too. */
const program: Program = {
  params: { w: { shape: [1, 3], init: { kind: "normal", std: 0.1 } } },
  tables: {},
  inputs: { x: { shape: ["batch", 3], dtype: "float32" }, y: { shape: ["batch"], dtype: "float32" } },
  forward(scope) {
    const logit = tf.reshape(
      tf.matMul(scope.dropout(scope.input("x"), 0.2), scope.param("w"), false, true),
      [-1],
    );
    const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("y"))));
    const size = tf.mean(tf.square(logit));
    return { loss: tf.add(loss, tf.mul(size, 0.01)), outputs: { logit, loss, size } };
  },
};

function batchAt(step: number): Batch {
  const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin((step + 1) * (i + 1)));
  const y = Float32Array.from({ length: 8 }, (_, i) => (x[i * 3]! > x[i * 3 + 1]! ? 1 : 0));
  return { x: { shape: [8, 3], data: x }, y: { shape: [8], data: y } };
}

async function create(scores: readonly number[] = [], accumulate = 1): Promise<PhaseSpec> {
  const trainer = await onnxRuntime().train(program, {
    seed: 3,
    accumulate,
    optimizer: { kind: "adam", learningRate: 0.1 },
  });
  let validation = 0;
  return {
    trainer,
    steps: 12,
    samplesPerStep: 8,
    batch: batchAt,
    ...(scores.length === 0
      ? {}
      : {
          validation: {
            every: 2,
            patience: 2,
            keeps: () => true,
            evaluate: async () => ({ score: scores[validation++]! }),
          },
        }),
  };
}

async function options(extra: Partial<PhaseOptions> = {}): Promise<PhaseOptions> {
  const folder = join(await mkdtemp(join(tmpdir(), "corella-")), "phase");
  return { name: "p", title: "P", folder, listener: {}, checkpointEveryMs: 1e9, ...extra };
}

test.each([1, 3])(
  "an interrupted phase of %i batches a step goes on and ends with the same bits",
  async (accumulate) => {
    const spec = (): Promise<PhaseSpec> => create([], accumulate);
    const whole = await runPhase(await options(), spec);
    const abort = new AbortController();
    const interrupted = await options({
      signal: abort.signal,
      listener: { stepDone: (_, step) => (step === 5 ? abort.abort() : undefined) },
    });
    await expect(runPhase(interrupted, spec)).rejects.toMatchObject({ code: "train/interrupted" });
    const resumed = await runPhase({ ...interrupted, signal: undefined, listener: {} }, spec);
    expect(resumed.values["w"]).toEqual(whole.values["w"]);
    expect(resumed.losses).toEqual(whole.losses);
    expect(resumed.terms).toEqual(whole.terms);
  },
);

test("a step of several batches is one update by all of them, with the mean of their losses", async () => {
  const indices: number[] = [];
  const scales: number[] = [];
  const spec = await create([], 3);
  const result = await runPhase(await options(), async () => ({
    ...spec,
    steps: 2,
    batch(index) {
      indices.push(index);
      return batchAt(index);
    },
    learningRateScale(step) {
      scales.push(step);
      return 1;
    },
  }));
  expect([result.steps, ...indices]).toEqual([2, 0, 1, 2, 3, 4, 5]);
  expect(scales).toEqual([0, 1]);
  const trainer = (await create([], 3)).trainer;
  const losses: number[] = [];
  for (let index = 0; index < 6; index++) losses.push((await trainer.step(batchAt(index))).loss);
  expect(result.values["w"]).toEqual(trainer.values["w"]);
  expect(result.losses[0]![1]).toBeCloseTo((losses[0]! + losses[1]! + losses[2]!) / 3, 6);
  await trainer.dispose();
});

test("terms of a loss are told with each step, and kept as curves", async () => {
  const told: [number, LossTerms | undefined][] = [];
  const stepDone = (_: string, __: number, loss: number, terms?: LossTerms): void =>
    void told.push([loss, terms]);
  const { losses, terms } = await runPhase(await options({ listener: { stepDone } }), () => create([], 2));
  expect(Object.keys(terms)).toEqual(["loss", "size"]); // not the logits, which are one for each sample
  losses.forEach(([step, loss], i) => {
    const at = Object.fromEntries(Object.entries(terms).map(([name, points]) => [name, points[i]!]));
    expect([at["loss"]![0], at["size"]![0]]).toEqual([step, step]);
    expect(at["loss"]![1] + 0.01 * at["size"]![1]).toBeCloseTo(loss, 6);
    expect(told[i]).toEqual([loss, { loss: at["loss"]![1], size: at["size"]![1] }]);
  });
  expect(told).toHaveLength(12);
});

test("a loss of one term is that term", () => {
  const scalar = { shape: [], data: Float32Array.of(3) };
  expect(lossTerms({ outputs: { loss: scalar, logit: { shape: [1], data: scalar.data } } })).toEqual({});
});

test("a finished phase is not run again", async () => {
  const settings = await options();
  const first = await runPhase(settings, () => create());
  const again = await runPhase(settings, () => Promise.reject(new Error("must not be created")));
  expect(again.values["w"]).toEqual(first.values["w"]);
});

test("the best validation is kept, and the phase stops when patience runs out", async () => {
  // Looks at steps 0, 2, 4, 6, 8: the best is at 4, and 6 and 8 do not beat it.
  const settings = await options();
  const values: Record<number, Float32Array> = {};
  const spec = await create([0.5, 0.6, 0.7, 0.65, 0.69, 0.9]);
  const result = await runPhase(
    {
      ...settings,
      listener: { validated: (_, { step }) => void (values[step] = spec.trainer.values["w"]!.slice()) },
    },
    async () => spec,
  );
  expect(result.steps).toBe(8);
  expect(result.best).toEqual({ step: 4, score: 0.7 });
  expect(result.validations.map(({ step }) => step)).toEqual([0, 2, 4, 6, 8]);
  expect(result.values["w"]).toEqual(values[4]);
});

test("values that are drawn are never the best, however they rank by chance", async () => {
  const settings = await options();
  const spec = await create([0.8, 0.6, 0.7, 0.65, 0.69, 0.9]);
  const validation = { ...spec.validation!, fromStart: false };
  const improved: boolean[] = [];
  const listener: ProgressListener = { validated: (_, __, isBest) => void improved.push(isBest) };
  const result = await runPhase({ ...settings, listener }, async () => ({ ...spec, validation }));
  expect(improved).toEqual([false, true, true, false, false]);
  expect(result.best).toEqual({ step: 4, score: 0.7 });
  expect(result.validations[0]).toEqual({ step: 0, score: 0.8 });
});

test("a loss that is not a number ends the phase with a remedy", async () => {
  const spec = await create();
  const bad: PhaseSpec = {
    ...spec,
    batch: (step) => ({ ...batchAt(step), y: { shape: [8], data: new Float32Array(8).fill(Number.NaN) } }),
  };
  await expect(runPhase(await options(), async () => bad)).rejects.toMatchObject({ code: "train/diverged" });
});

test("a phase whose checkpoint does not fit lets go of what it holds", async () => {
  const abort = new AbortController();
  const settings = await options({ signal: abort.signal, listener: { stepDone: () => abort.abort() } });
  await expect(runPhase(settings, () => create())).rejects.toMatchObject({ code: "train/interrupted" });
  const spec = await create([], 1);
  const other = await onnxRuntime().train(program, {
    seed: 3,
    optimizer: { kind: "sgd", learningRate: 0.1 },
  });
  let disposals = 0;
  const dispose = async (): Promise<void> => void (disposals += 1);
  await expect(
    runPhase({ ...settings, signal: undefined }, async () => ({ ...spec, trainer: other, dispose })),
  ).rejects.toMatchObject({ code: "engine/state" });
  expect(disposals).toBe(1);
  await expect(other.step(batchAt(0))).rejects.toMatchObject({ code: "engine/disposed" });
  await spec.trainer.dispose();
});
