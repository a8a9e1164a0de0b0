import { initialValues, tf, type Program, type Runtime } from "@corella/engine";
import type { Subject } from "../contestant.ts";
import { rotating } from "./random-batches.ts";

/** A matrix product [rows, inputs] x [outputs, inputs]^T. */
export interface ProductShape {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** Billions of floating-point operations of a product. */
export function gigaFlop({ rows, inputs, outputs }: ProductShape): number {
  return (2 * rows * inputs * outputs) / 1e9;
}

/**
 * A product alone: how fast the machine multiplies, the limit of every step. Only the mean of the result leaves the graph,
 * so that nothing is copied.
 */
export async function product(runtime: Runtime, shape: ProductShape): Promise<Subject> {
  const { rows, inputs, outputs } = shape;
  const program: Program = {
    params: {
      x: { shape: [rows, inputs], init: { kind: "normal", std: 1 } },
      weight: { shape: [outputs, inputs], init: { kind: "xavierNormal" } },
    },
    tables: {},
    inputs: { scale: { shape: [], dtype: "float32" } },
    forward: (scope) => {
      const weight = tf.mul(scope.param("weight"), scope.input("scale"));
      return { outputs: { mean: tf.mean(tf.matMul(scope.param("x"), weight, false, true)) } };
    },
  };
  const inference = await runtime.infer(program, initialValues(program, 1), { live: true });
  const next = rotating((i) => ({ scale: { shape: [], data: Float32Array.of(1 + i) } }));
  return { step: () => inference.run(next()), dispose: () => inference.dispose() };
}
