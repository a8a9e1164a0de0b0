import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  eagerRuntime,
  loadCheckpoint,
  onnxRuntime,
  saveCheckpoint,
  tf,
  type Program,
  type Runtime,
  type Trainer,
  type TrainerState,
  type TrainOptions,
} from "../index.ts";
import { plateauStep, plateauStart, type PlateauState } from "../optimizer/schedules.ts";
import { clickProgram, clicks } from "./click-model.test-helper.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "corella-resume-"));
});
afterAll(() => rm(root, { recursive: true }));

const adam = { kind: "adam", learningRate: 0.05, l2: 1e-3 } as const;

/** Trains with a plateau schedule that looks at every loss. */
async function advance(
  trainer: Trainer,
  start: PlateauState,
  from: number,
  to: number,
): Promise<PlateauState> {
  let plateau = start;
  for (let batch = from; batch < to; batch++) {
    const { loss } = await trainer.step(clicks(batch), { learningRateScale: plateau.scale });
    plateau = plateauStep(plateau, loss, { patience: 1, factor: 0.7 });
  }
  return plateau;
}

const settings: Record<string, Omit<TrainOptions, "seed" | "optimizer">> = {
  "dropout alone": {},
  clipping: { clipNorm: 0.1 },
  accumulation: { accumulate: 3 },
  "clipping and accumulation": { clipNorm: 0.1, accumulate: 4 },
  "clipping and accumulation, dense tables": { clipNorm: 0.1, accumulate: 4, tables: "dense" },
  "clipping and accumulation, exact tables": { clipNorm: 0.1, accumulate: 4, tables: "exact" },
};

for (const [name, runtime] of [
  ["onnxruntime", onnxRuntime({ threads: 1 })],
  ["tfjs-cpu", eagerRuntime("cpu")],
] as const satisfies readonly (readonly [string, Runtime])[]) {
  describe(`on ${name}, a run resumed from a checkpoint ends with the bits of one that was not interrupted`, () => {
    test.each(Object.entries(settings))("%s", async (title, setting) => {
      const options = { seed: 2, optimizer: adam, ...setting };
      const whole = await runtime.train(clickProgram, options);
      const ended = await advance(whole, plateauStart, 0, 20);
      expect(ended.scale).toBeLessThan(1);
      // 7 and 14 batches: in the middle of what 3 or 4 accumulate.
      const folder = join(root, `${name}, ${title}`);
      let plateau = plateauStart;
      for (const [from, to] of [
        [0, 7],
        [7, 14],
        [14, 20],
      ] as const) {
        const trainer = await runtime.train(clickProgram, options);
        const saved = await loadCheckpoint<PlateauState>(folder);
        if (saved !== undefined) trainer.restore(saved.states["trainer"]!);
        plateau = await advance(trainer, saved?.progress ?? plateauStart, from, to);
        await saveCheckpoint(folder, { states: { trainer: trainer.state() }, progress: plateau });
        await trainer.dispose();
      }
      expect(plateau).toEqual(ended);
      expect((await loadCheckpoint(folder))?.states["trainer"]).toEqual(whole.state());
      await whole.dispose();
    });
  });
}

for (const runtime of [onnxRuntime({ threads: 1 }), eagerRuntime("cpu")]) {
  test(`a state may be restored twice, in the middle of an accumulation, on ${runtime.name}`, async () => {
    const options = { seed: 2, optimizer: adam, accumulate: 3 };
    const first = await runtime.train(clickProgram, options);
    await advance(first, plateauStart, 0, 2);
    const state = structuredClone(first.state());
    const ended: TrainerState[] = [];
    for (let times = 0; times < 2; times++) {
      const trainer = await runtime.train(clickProgram, options);
      trainer.restore(state);
      await advance(trainer, plateauStart, 2, 3);
      ended.push(trainer.state());
    }
    expect(ended[1]).toEqual(ended[0]);
  });

  test(`frozen parameters are restored too, whatever the trainer began with, on ${runtime.name}`, async () => {
    const layer: Program = {
      params: {
        base: { shape: [4, 3], init: { kind: "normal", std: 1 } },
        w: { shape: [1, 4], init: { kind: "normal", std: 1 } },
      },
      tables: {},
      inputs: { x: { shape: ["batch", 3], dtype: "float32" } },
      forward(scope) {
        const hidden = tf.tanh(tf.matMul(scope.input("x"), scope.param("base"), false, true));
        const y = tf.matMul(hidden, scope.param("w"), false, true);
        return { loss: tf.mean(tf.square(tf.sub(y, 1))), outputs: { y } };
      },
    };
    const batch = { x: { shape: [2, 3], data: Float32Array.of(1, 2, 3, -1, 0.5, 2) } };
    const seeded = (seed: number): Promise<Trainer> =>
      runtime.train(layer, { seed, optimizer: (name) => (name === "w" ? adam : null) });
    const whole = await seeded(1);
    await whole.step(batch);
    const other = await seeded(2);
    await other.step(batch);
    other.restore(structuredClone(whole.state()));
    for (let step = 0; step < 2; step++) expect(await other.step(batch)).toEqual(await whole.step(batch));
    expect(other.state()).toEqual(whole.state());
    await Promise.all([whole.dispose(), other.dispose()]);
  });
}

describe("a checkpoint of something else is refused with the reason, and the trainer stays as it is:", () => {
  const cases: Record<
    string,
    { change: Partial<TrainOptions>; program?: typeof clickProgram; reason: RegExp }
  > = {
    "another optimiser": { change: { optimizer: { kind: "sgd", learningRate: 1 } }, reason: /lack m\.w/ },
    "a missing parameter": {
      change: {},
      program: { ...clickProgram, params: {} },
      reason: /values lack w/,
    },
    "a parameter too much": {
      change: {},
      program: {
        ...clickProgram,
        params: { ...clickProgram.params, w2: { shape: [1], init: { kind: "zeros" }, trainable: false } },
      },
      reason: /hold w2, which is not here \(w\?\)/,
    },
    "another size": {
      change: {},
      program: {
        ...clickProgram,
        tables: { ...clickProgram.tables, user: { ...clickProgram.tables["user"]!, rows: 41 } },
      },
      reason: /user has 164 elements there and 160 here/,
    },
    "another shape": {
      change: {},
      program: {
        ...clickProgram,
        tables: { ...clickProgram.tables, user: { ...clickProgram.tables["user"]!, rows: 20, dim: 8 } },
      },
      reason: /user has the shape \[20, 8\] there and \[40, 4\] here/,
    },
    "more accumulated batches": { change: { accumulate: 3 }, reason: /accumulated 2 batches, and here 1/ },
  };

  test.each(Object.entries(cases))("%s", async (_, { change, program, reason }) => {
    const runtime = eagerRuntime("cpu");
    const options: TrainOptions = { seed: 2, optimizer: adam };
    const other = await runtime.train(
      // Forward is not run where the program differs: only its state is wanted.
      program ?? clickProgram,
      { ...options, ...change },
    );
    if (program === undefined) await advance(other, plateauStart, 0, 2);
    const trainer = await runtime.train(clickProgram, options);
    await advance(trainer, plateauStart, 0, 2);
    const before = structuredClone(trainer.state());
    expect(() => trainer.restore(other.state())).toThrow(
      expect.objectContaining({ code: "engine/state", message: expect.stringMatching(reason) }),
    );
    expect(trainer.state()).toEqual(before);
  });
});
