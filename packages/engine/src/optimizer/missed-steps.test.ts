import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  cosineSchedule,
  eagerRuntime,
  onnxRuntime,
  type Optimizer,
  type Program,
  type Trainer,
  type Values,
} from "../index.ts";
import { clickProgram, clicks } from "../training/click-model.test-helper.ts";
import { createGenerator } from "@corella/random";
import { RowGradients } from "./tables.ts";
import { TrainingState } from "../training/training-state.ts";

const rows = 7;
const dim = 3;
const std = 0.5;

const optimizers: Record<string, Optimizer> = {
  SGD: { kind: "sgd", learningRate: 0.1 },
  "SGD, L2": { kind: "sgd", learningRate: 0.1, l2: 0.02 },
  "SGD, momentum": { kind: "sgd", learningRate: 0.1, momentum: 0.9 },
  "SGD, Nesterov, dampened L2": { kind: "sgd", learningRate: 0.1, momentum: 0.8, dampening: 0.2, l2: 0.02 },
  "SGD, Nesterov": { kind: "sgd", learningRate: 0.1, momentum: 0.8, nesterov: true },
  "Adagrad, L2": { kind: "adagrad", learningRate: 0.1, l2: 0.02, learningRateDecay: 0.01 },
  Adagrad: { kind: "adagrad", learningRate: 0.1 },
  Adam: { kind: "adam", learningRate: 0.01 },
  "Adam, L2": { kind: "adam", learningRate: 0.01, l2: 0.02 },
  "Adam, beta1 > sqrt(beta2)": { kind: "adam", learningRate: 0.01, betas: [0.9, 0.8] },
  AdamW: { kind: "adamw", learningRate: 0.01, weightDecay: 0.1 },
  "AdamW, decay faster than the moments": { kind: "adamw", learningRate: 0.2, weightDecay: 0.9 },
};

function stateOf(optimizer: Optimizer, tables: "exact" | "dense", paddingRow: boolean): TrainingState {
  const program: Program = {
    params: {},
    tables: { t: { rows, dim, init: { kind: "normal", std }, paddingRow } },
    inputs: {},
    forward: () => ({ outputs: {} }),
  };
  return new TrainingState(program, { seed: 3, optimizer, tables });
}

/** One step of a run: which rows have a gradient, after how many steps without any, and whether the values are read. */
interface Access {
  readonly ids: readonly number[];
  readonly idle: number;
  readonly read: boolean;
}

const accesses = fc.array(
  fc.record({
    ids: fc.array(fc.nat(rows - 1), { maxLength: 4 }),
    idle: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(12), {
      weight: 1,
      arbitrary: fc.nat(400),
    }),
    read: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

function run(state: TrainingState, pattern: readonly Access[], reads: boolean, paddingRow: boolean): void {
  const gradients = new RowGradients(dim);
  const random = createGenerator(5, "gradients");
  const step = (ids: readonly number[]): void => {
    state.catchUp("t", Int32Array.from(ids));
    gradients.reset(ids.length);
    const values = Float32Array.from(
      { length: ids.length * dim },
      () => random.normal() * 10 ** -random.integer(5),
    );
    gradients.add(Int32Array.from(ids), values, paddingRow);
    state.step += 1;
    state.updateTable("t", gradients, 0.2 + Math.abs(Math.sin(state.step)));
  };
  for (const { ids, idle, read } of pattern) {
    for (let i = 0; i < idle; i++) step([]);
    step(ids);
    if (reads && read) void state.current["t"];
  }
}

describe.each(Object.entries(optimizers))("%s: a table of exact rows", (_, optimizer) => {
  test("has the values of a dense one, whatever rows are looked up and when", () => {
    fc.assert(
      fc.property(accesses, fc.boolean(), (pattern, paddingRow) => {
        const exact = stateOf(optimizer, "exact", paddingRow);
        const dense = stateOf(optimizer, "dense", paddingRow);
        run(exact, pattern, false, paddingRow);
        run(dense, pattern, false, paddingRow);
        const values = exact.current["t"]!;
        // The dense moments are rounded at each of hundreds of steps, the closed form once: where beta1 > sqrt(beta2) keeps
        // updates large for long, 1.02e-6 has been seen.
        for (const [i, expected] of dense.values["t"]!.entries())
          expect(Math.abs(values[i]! - expected)).toBeLessThanOrEqual(
            3e-6 * Math.max(Math.abs(expected), std),
          );
      }),
      { numRuns: 60 },
    );
  });

  test("keeps its bits, however often it is read", () => {
    fc.assert(
      fc.property(accesses, (pattern) => {
        const read = stateOf(optimizer, "exact", false);
        const unread = stateOf(optimizer, "exact", false);
        run(read, pattern, true, false);
        run(unread, pattern, false, false);
        expect(read.snapshot()).toEqual(unread.snapshot());
      }),
      { numRuns: 60 },
    );
  });
});

const schedule = cosineSchedule({ steps: 50, warmupSteps: 5, floor: 0.1 });

async function advance(trainer: Trainer, from: number, to: number): Promise<Values> {
  for (let step = from; step < to; step++)
    await trainer.step(clicks(step), { learningRateScale: schedule(step) });
  return { ...trainer.values };
}

const trained: Record<string, Optimizer> = {
  "SGD with momentum and L2": { kind: "sgd", learningRate: 0.1, momentum: 0.9, l2: 1e-3 },
  "Adagrad with L2": { kind: "adagrad", learningRate: 0.05, l2: 1e-3 },
  Adam: { kind: "adam", learningRate: 0.01, epsilon: 1e-6 },
  "Adam with L2": { kind: "adam", learningRate: 0.01, epsilon: 1e-6, l2: 1e-3 },
  AdamW: { kind: "adamw", learningRate: 0.01, epsilon: 1e-6, weightDecay: 0.1 },
};

for (const runtime of [onnxRuntime({ threads: 1 }), eagerRuntime("cpu")]) {
  describe.each(Object.entries(trained))(`fifty steps of %s on ${runtime.name}`, (_, optimizer) => {
    test("give the weights of dense tables", async () => {
      const exact = await runtime.train(clickProgram, { seed: 1, optimizer, tables: "exact" });
      const dense = await runtime.train(clickProgram, { seed: 1, optimizer, tables: "dense" });
      const values = await advance(exact, 0, 50);
      const expected = await advance(dense, 0, 50);
      for (const [name, array] of Object.entries(expected)) {
        const largest = array.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const difference = array.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - values[name]![i]!)),
          0,
        );
        expect(difference, name).toBeLessThan(1e-6 * largest);
      }
      await exact.dispose();
      await dense.dispose();
    });

    test("go on from a state with the same bits, and reading changes none", async () => {
      const options = { seed: 1, optimizer, tables: "exact" } as const;
      const whole = await runtime.train(clickProgram, options);
      const expected = await advance(whole, 0, 50);
      const first = await runtime.train(clickProgram, options);
      await advance(first, 0, 9);
      await advance(first, 9, 23);
      const second = await runtime.train(clickProgram, options);
      second.restore(structuredClone(first.state()));
      expect(await advance(second, 23, 50)).toEqual(expected);
      expect(await advance(first, 23, 50)).toEqual(expected);
      for (const trainer of [whole, first, second]) await trainer.dispose();
    });
  });
}
