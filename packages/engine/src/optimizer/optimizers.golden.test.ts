import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  eagerRuntime,
  onnxRuntime,
  tf,
  type Batch,
  type Optimizer,
  type Program,
  type TrainOptions,
  type Values,
} from "../index.ts";

interface Golden {
  readonly shapes: { readonly w: number[]; readonly table: [number, number]; readonly ids: [number] };
  readonly dropoutSeed: number;
  readonly data: Record<"w" | "table" | "cw" | "ct" | "ids" | "scales", number[]>;
  readonly cases: readonly {
    readonly name: string;
    readonly optimizer: Optimizer;
    readonly w: number[];
    /** The table when every row is updated at every step, and when only the rows of the batch are. */
    readonly dense: number[];
    readonly lazy?: number[];
    readonly lazyEpsilon?: number;
  }[];
  readonly gradients: readonly {
    readonly name: string;
    readonly accumulate: number;
    readonly clipNorm: number | null;
    readonly dropout: number;
    readonly w: number[];
    readonly dense: number[];
  }[];
}

/** Made by tooling/reference/make_optimizer_goldens.py from torch.optim. */
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "../goldens/optimizers.json"), "utf8"),
) as Golden;
const { shapes, data } = golden;
const steps = data.scales.length;
const [rows, dim] = shapes.table;
const [lookups] = shapes.ids;
const wSize = data.w.length;

/** sum(w * cw) + sum(dropout(table[ids]) * ct): its gradients are cw and ct. */
function linearProgram(dropout: number): Program {
  return {
    params: { w: { shape: shapes.w, init: { kind: "zeros" } } },
    tables: { table: { rows, dim, init: { kind: "zeros" }, paddingRow: false } },
    inputs: {
      cw: { shape: shapes.w, dtype: "float32" },
      ct: { shape: ["lookups", dim], dtype: "float32" },
      ids: { shape: ["lookups"], dtype: "int32" },
    },
    forward(scope) {
      const looked = scope.dropout(scope.lookup("table", scope.input("ids")), dropout);
      const loss = tf.add(
        tf.sum(tf.mul(scope.param("w"), scope.input("cw"))),
        tf.sum(tf.mul(looked, scope.input("ct"))),
      );
      return { loss, outputs: {} };
    },
  };
}

function batchOf(step: number): Batch {
  const part = (values: number[], size: number): number[] => values.slice(step * size, (step + 1) * size);
  return {
    cw: { shape: shapes.w, data: Float32Array.from(part(data.cw, wSize)) },
    ct: { shape: [lookups, dim], data: Float32Array.from(part(data.ct, lookups * dim)) },
    ids: { shape: [lookups], data: Int32Array.from(part(data.ids, lookups)) },
  };
}

function expectNear(actual: Float32Array, expected: readonly number[]): void {
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i]! - expected[i]!), `element ${i}`).toBeLessThan(1e-6);
}

const runtimes = [onnxRuntime({ threads: 1 }), eagerRuntime("cpu")];
for (const runtime of runtimes) {
  const train = async (options: Omit<TrainOptions, "seed" | "values">, dropout = 0): Promise<Values> => {
    const trainer = await runtime.train(linearProgram(dropout), {
      seed: golden.dropoutSeed,
      values: { w: Float32Array.from(data.w), table: Float32Array.from(data.table) },
      ...options,
    });
    for (let step = 0; step < steps; step++)
      await trainer.step(batchOf(step), { learningRateScale: data.scales[step]! });
    const values = { ...trainer.values };
    await trainer.dispose();
    return values;
  };

  describe(`ten steps on ${runtime.name} equal torch's`, () => {
    for (const { name, optimizer, ...expected } of golden.cases) {
      // A norm without a bound takes the update out of the graph, into JavaScript.
      for (const clipNorm of [undefined, Number.POSITIVE_INFINITY]) {
        const clip = clipNorm === undefined ? {} : { clipNorm };
        for (const tables of ["dense", "exact"] as const) {
          test(`${name}, ${tables} tables${clipNorm === undefined ? "" : ", updated in JavaScript"}`, async () => {
            const values = await train({ optimizer, tables, ...clip });
            expectNear(values["w"]!, expected.w);
            expectNear(values["table"]!, expected.dense);
          });
        }
      }
      if (expected.lazy === undefined) continue;
      test(`${name}, lazy tables`, async () => {
        const epsilon = expected.lazyEpsilon === undefined ? {} : { epsilon: expected.lazyEpsilon };
        const values = await train({ optimizer: { ...optimizer, ...epsilon } as Optimizer, tables: "lazy" });
        expectNear(values["table"]!, expected.lazy!);
      });
    }

    for (const { name, accumulate, clipNorm, dropout, w, dense } of golden.gradients) {
      test.each(["dense", "exact"] as const)(`gradients: ${name}, %s tables`, async (tables) => {
        const optimizer = { kind: "sgd", learningRate: 0.1, momentum: 0.9 } as const;
        const clip = clipNorm === null ? {} : { clipNorm };
        const values = await train({ optimizer, accumulate, ...clip, tables }, dropout);
        expectNear(values["w"]!, w);
        expectNear(values["table"]!, dense);
      });
    }
  });
}
